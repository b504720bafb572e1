namespace Hostdev.Crds.Words;

/// <summary>
/// A file of a device's own directory in sysfs that a policy may have written. All there are stand in <see cref="WritableFiles"/>.
/// </summary>
public sealed record WritableFile
{
    /// <summary>What stands for the number of a virtual function, from 1, in a directory that its physical function has for it.</summary>
    private const string Numbered = "/vfN/";

    internal WritableFile(string path, WritableOf of, string what) => (Path, Of, What) = (path, of, what);

    /// <summary>Below the device's directory.</summary>
    public string Path { get; }

    public WritableOf Of { get; }

    /// <summary>What it sets, as the guide says it.</summary>
    public string What { get; }

    /// <summary>A virtual function that has a driver refuses it.</summary>
    public bool NeedsUnbound { get; internal init; }

    /// <summary>Whether the physical function has it for each of its virtual functions.</summary>
    public bool IsNumbered => Path.Contains(Numbered, StringComparison.Ordinal);

    /// <summary>The file of one virtual function, as sysfs has it: the first of them is number 1.</summary>
    /// <param name="vfIndex">From 0.</param>
    public string PathOf(int vfIndex) =>
        Path.Replace(
            Numbered,
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/vf{vfIndex + 1}/"),
            StringComparison.Ordinal
        );

    public override string ToString() => Path;
}

/// <summary>Which devices have a file.</summary>
[Flags]
public enum WritableOf
{
    None = 0,

    PhysicalFunction = 1,

    /// <summary>In its own directory, or, where the file is numbered, in that of its physical function.</summary>
    VirtualFunction = 2,

    MediatedDevice = 4,
}
