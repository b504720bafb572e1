namespace Hostdev.Planning;

/// <summary>A file of the kernel's that changes a device when it is written.</summary>
/// <param name="Path">As on the host.</param>
/// <param name="Name">The last part of the path: what its writes do.</param>
public sealed record KernelFile(string Path, string Name)
{
    public const string NumVfs = "sriov_numvfs";

    /// <summary>
    /// The device's directory that the file must be below, without any link on the way; null for a file whose path is ours from end to end.
    /// <see cref="Name"/> is the path below it.
    /// </summary>
    public string? Below { get; init; }

    /// <summary>
    /// The PCI function by whose network interface it is set, which is no file then; null for a file. <see cref="Name"/> is the setting.
    /// </summary>
    public string? Through { get; init; }

    /// <summary>The driver that a write takes its device from; null for every other file.</summary>
    public string? UnbindsFrom { get; init; }

    public override string ToString() => Path;
}
