namespace Hostdev.Crds.Kinds;

/// <summary>
/// Owner and mode of the device nodes that are handed out. Absent fields leave the host's owner (root) and the default mode.
/// </summary>
public sealed record DeviceFile
{
    public int Uid { get; init; }

    public int Gid { get; init; }

    /// <summary>Octal, as <c>chmod</c> takes it: <c>"0660"</c> by default.</summary>
    public FileMode Mode
    {
        get => field.Bits == 0 ? new(0x1B0) : field;
        init;
    }
}

/// <summary>Permission bits of a node, 0 to 0777, written in octal.</summary>
public readonly record struct FileMode(int Bits)
{
    /// <summary>Any bit for who is neither the owner nor of the group: every process of the host may use the device then.</summary>
    public bool IsOpenToOthers => (Bits & 7) != 0;

    /// <summary>The same without what it gives to others; 0600 where it gives nothing else.</summary>
    public FileMode ToOwnerAndGroup() => new((Bits & 0x1F8) is 0 ? 0x180 : Bits & 0x1F8);

    internal const string Form = "write three or four octal digits in quotes, for example \"0660\"";

    public static bool TryParse(string text, out FileMode mode)
    {
        mode = default;
        var bits = 0;
        if (text.Length is < 3 or > 4)
            return false;
        foreach (var c in text)
        {
            if (c is < '0' or > '7')
                return false;
            bits = (bits << 3) | (c - '0');
        }

        mode = new FileMode(bits);
        return bits is > 0 and <= 0x1FF; // 0 would be no node at all, and stands for the default here
    }

    public static FileMode Parse(string text) =>
        TryParse(text, out var mode) ? mode : throw new FormatException($"\"{text}\" is no file mode: {Form}");

    public override string ToString() => "0" + Convert.ToString(Bits, 8).PadLeft(3, '0');
}
