using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Sandbox;

/// <summary>What the contract's tests need of a kernel: the simulated one here, the real one in the lab.</summary>
public interface IKernelUnderTest : IDisposable
{
    HostPaths Paths { get; }

    Errno Write(string path, string value);
}

/// <summary>The sentences that tests are written in, over any kernel.</summary>
public static class KernelSentences
{
    public const string Vfio = "vfio-pci";

    public static string Device(string address) => "/sys/bus/pci/devices/" + address;

    public static string Read(this IKernelUnderTest kernel, string path) => File.ReadAllText(kernel.Paths.Resolve(path)).TrimEnd('\n');

    public static bool Has(this IKernelUnderTest kernel, string path) => Path.Exists(kernel.Paths.Resolve(path));

    /// <summary>The last component of a link's target; null when there is no link.</summary>
    public static string? Link(this IKernelUnderTest kernel, string path) =>
        new FileInfo(kernel.Paths.Resolve(path)).LinkTarget is { } target ? Path.GetFileName(target) : null;

    public static string? Driver(this IKernelUnderTest kernel, string address) => kernel.Link(Device(address) + "/driver");

    public static string? Group(this IKernelUnderTest kernel, string address) => kernel.Link(Device(address) + "/iommu_group");

    public static Errno Probe(this IKernelUnderTest kernel, string address) => kernel.Write("/sys/bus/pci/drivers_probe", address);

    public static Errno Override(this IKernelUnderTest kernel, string address, string driver) =>
        kernel.Write(Device(address) + "/driver_override", driver);

    public static Errno Unbind(this IKernelUnderTest kernel, string address) => kernel.Write(Device(address) + "/driver/unbind", address);

    public static Errno NumVfs(this IKernelUnderTest kernel, string address, string count) =>
        kernel.Write(Device(address) + "/sriov_numvfs", count);

    public static Errno Autoprobe(this IKernelUnderTest kernel, string address, string value) =>
        kernel.Write(Device(address) + "/sriov_drivers_autoprobe", value);

    public static string[] Vfs(this IKernelUnderTest kernel, string address) =>
        [.. Enumerable.Range(0, 64).Select(index => kernel.Link($"{Device(address)}/virtfn{index}")).OfType<string>()];

    /// <summary>Takes a device from its driver and gives it to vfio-pci, asserting each step.</summary>
    public static void GiveToVfio(this IKernelUnderTest kernel, string address)
    {
        Xunit.Assert.Equal(Errno.None, kernel.Override(address, Vfio));
        if (kernel.Driver(address) is not null)
            Xunit.Assert.Equal(Errno.None, kernel.Unbind(address));
        Xunit.Assert.Equal(Errno.None, kernel.Probe(address));
        Xunit.Assert.Equal(Vfio, kernel.Driver(address));
    }

    /// <summary>The reverse: unbind, clear the override, probe.</summary>
    public static void GiveBack(this IKernelUnderTest kernel, string address)
    {
        if (kernel.Driver(address) is not null)
            Xunit.Assert.Equal(Errno.None, kernel.Unbind(address));
        Xunit.Assert.Equal(Errno.None, kernel.Override(address, "\n"));
        Xunit.Assert.Equal(Errno.None, kernel.Probe(address));
    }
}

public sealed class SimulatedKernelUnderTest(MachineDescription? machine = null) : IKernelUnderTest
{
    public SimulatedKernel Kernel { get; } = new(machine ?? LabMachine.Description);

    public HostPaths Paths => Kernel.Paths;

    public Errno Write(string path, string value) => Kernel.Calls.WriteAttribute(path, value);

    public void Dispose() => Kernel.Dispose();
}

/// <summary>The machine that the tests run on, with raw writes: only in the lab, never anywhere else.</summary>
public sealed class RealKernelUnderTest : IKernelUnderTest
{
    public RealKernelUnderTest() =>
        Xunit.Assert.SkipUnless(
            Environment.GetEnvironmentVariable("HOSTDEV_LAB") == "1",
            "writes to this machine's own /sys: runs in the lab's node, with HOSTDEV_LAB=1"
        );

    public HostPaths Paths { get; } = new("/");

    public Errno Write(string path, string value)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            file.Write(System.Text.Encoding.ASCII.GetBytes(value));
            return Errno.None;
        }
        catch (FileNotFoundException)
        {
            return Errno.ENOENT;
        }
        catch (DirectoryNotFoundException)
        {
            return Errno.ENOENT;
        }
        catch (IOException failed)
        {
            return new Errno(failed.HResult & 0xffff);
        }
    }

    public void Dispose() { }
}
