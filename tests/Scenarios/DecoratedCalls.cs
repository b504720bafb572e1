using Hostdev.DevicePlugin.Host;

namespace Hostdev.Tests.Scenarios;

/// <summary>A node's system calls, passed on. What derives from it comes between the agent and the kernel in one of them.</summary>
internal abstract class DecoratedCalls(IHostCalls kernel) : IHostCalls
{
    public virtual Errno WriteAttribute(string path, string value) => kernel.WriteAttribute(path, value);

    public virtual Errno WriteBelow(string directory, string file, string value) => kernel.WriteBelow(directory, file, value);

    public virtual BelowLook ReadBelow(string directory, string file) => kernel.ReadBelow(directory, file);

    public virtual Errno SetVf(string physicalFunction, string setting, string value) => kernel.SetVf(physicalFunction, setting, value);

    public virtual VfReading ReadVfs(string physicalFunction) => kernel.ReadVfs(physicalFunction);

    public virtual OpenResult Open(string path, OpenIntent intent) => kernel.Open(path, intent);

    public virtual NodeOwnerResult ReadOwner(string path) => kernel.ReadOwner(path);

    public virtual FileLook Look(string path) => kernel.Look(path);

    public virtual bool? IsOnSysfs(string path) => kernel.IsOnSysfs(path);

    public virtual Errno SetOwner(string path, NodeOwner owner) => kernel.SetOwner(path, owner);

    public virtual NetworkReading ReadNetwork() => kernel.ReadNetwork();

    public virtual IKernelLog FollowKernelLog() => kernel.FollowKernelLog();
}
