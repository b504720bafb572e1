namespace Hostdev.Sandbox.Vfio;

/// <summary>
/// Open descriptors, closed last opened first: the device before its group, the group before its container, as the kernel wants it.
/// </summary>
internal sealed class DescriptorStack : IDisposable
{
    private readonly Stack<int> open = new();

    public int Push(int descriptor)
    {
        open.Push(descriptor);
        return descriptor;
    }

    public void Dispose()
    {
        while (open.TryPop(out var descriptor))
            _ = Kernel.Close(descriptor);
    }
}
