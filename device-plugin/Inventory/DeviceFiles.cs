using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// The files of one device's directory, which is listed once: an attribute that the listing does not name costs nothing. What is listed but
/// cannot be read or understood is a problem and yields the given default; the device stays.
/// </summary>
internal sealed class DeviceFiles
{
    private readonly HostFileReader files;
    private readonly HashSet<string> names;
    private readonly List<ReadProblem> problems = [];
    private bool sawAbsent;

    public DeviceFiles(HostFileReader files, string path)
    {
        this.files = files;
        Path = path;
        var listed = files.List(path, out var error);
        names = new HashSet<string>(listed, StringComparer.Ordinal);
        Names = listed;
        sawAbsent = error == Errno.ENOENT;
        if (!error.IsSuccess && !sawAbsent)
            Report("", $"cannot be listed: {error.Name}");
    }

    /// <summary>
    /// What a wrong guess about would make of one device another, or of a used one a free one: who it is, what it belongs to, who has it.
    /// </summary>
    private static readonly HashSet<string> Deciding = new(StringComparer.Ordinal)
    {
        "",
        "vendor",
        "device",
        "subsystem_vendor",
        "subsystem_device",
        "class",
        "driver",
        "driver_override",
        "iommu_group",
        "physfn",
        "boot_vga",
        "idVendor",
        "idProduct",
        "serial",
        "busnum",
        "devnum",
        "bDeviceClass",
        "type",
        "vpd_pg80",
        "wwid",
        "sriov_totalvfs",
        "sriov_drivers_autoprobe",
    };

    /// <summary>The problems so far with attributes that decide what may be done with the device.</summary>
    public ImmutableArray<ReadProblem> DecidingProblems =>
        [.. problems.Where(p => Deciding.Contains(p.Path.Length == Path.Length ? "" : p.Path[(Path.Length + 1)..]))];

    /// <summary>The device's directory below <c>/sys/devices</c>.</summary>
    public string Path { get; }

    public IReadOnlyList<string> Names { get; }

    public bool Has(string name) => names.Contains(name);

    /// <summary>Whether what was read of it so far could not be read, or makes no sense.</summary>
    public bool HasProblem(string name) => problems.Exists(p => p.Path == PathOf(name));

    public string PathOf(string name) => $"{Path}/{name}";

    /// <summary>
    /// Hands over the problems, and says whether the device is still there. One that vanished whole while it was read is no device and
    /// leaves no problems behind.
    /// </summary>
    public bool Settle(List<ReadProblem> into)
    {
        if (sawAbsent && !files.Exists(Path))
            return false;
        into.AddRange(problems);
        return true;
    }

    public void Report(string name, string message) => problems.Add(new ReadProblem(name.Length == 0 ? Path : PathOf(name), message));

    /// <summary>
    /// The text; null when there is no such attribute, quietly, or when it cannot be read, with a problem. An empty text is a problem
    /// unless it may be empty.
    /// </summary>
    public string? Text(string name, bool mayBeEmpty = false)
    {
        if (!Has(name))
            return null;
        return Judge(name, files.ReadText(PathOf(name)), mayBeEmpty);
    }

    /// <summary>
    /// The text of a file in a directory below, which the listing does not name; null when there is none, or when it cannot be read.
    /// </summary>
    public string? TextBelow(string name) => files.ReadText(PathOf(name)).Text;

    /// <summary>As <see cref="Text"/> for a text that was read elsewhere (with a deadline).</summary>
    public string? Judge(string name, FileText read, bool mayBeEmpty = false)
    {
        sawAbsent |= read.IsAbsent;
        if (read.Text is not { } text)
        {
            problems.Add(new ReadProblem(PathOf(name), read.Complaint ?? "cannot be read") { Unanswered = read.Error == Errno.ETIMEDOUT });
            return null;
        }

        if (text.Length > 0)
            return text;
        if (!mayBeEmpty)
            Report(name, "is empty");
        return null;
    }

    /// <summary>As <see cref="Text"/>; that there is no such attribute is a problem too.</summary>
    public string? Required(string name)
    {
        if (Has(name))
            return Text(name);
        sawAbsent = true;
        Report(name, "is not there");
        return null;
    }

    public uint Hex(string name)
    {
        var text = Required(name);
        if (text is null)
            return 0;
        var digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text.AsSpan(2) : text;
        if (uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            return value;
        Report(name, $"is no hexadecimal number: \"{Shorten(text)}\"");
        return 0;
    }

    /// <summary>An id of 16 bits; 0000, which no vendor has, when it cannot be read.</summary>
    public PciId Id(string name)
    {
        var value = Hex(name);
        if (value <= ushort.MaxValue)
            return new PciId((ushort)value);
        Report(name, $"is no id of four hexadecimal digits: \"0x{value:x}\"");
        return default;
    }

    public int? Integer(string name) => Has(name) && Text(name) is { } text ? ParseInteger(name, text) : null;

    public int RequiredInteger(string name) => Required(name) is { } text ? ParseInteger(name, text) ?? 0 : 0;

    public int? ParseInteger(string name, string text)
    {
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
            return value;
        Report(name, $"is no number: \"{Shorten(text)}\"");
        return null;
    }

    /// <summary>What a link such as <c>driver</c> names; null when there is none.</summary>
    public string? LinkName(string name)
    {
        if (!Has(name))
            return null;
        if (files.ReadLinkName(PathOf(name)) is { } target)
            return target;
        sawAbsent |= !files.Exists(PathOf(name));
        Report(name, "was listed and cannot be read as a link");
        return null;
    }

    public string? LinkTarget(string name) => Has(name) ? files.ResolveLink(PathOf(name)) : null;

    /// <summary>The number of the group that <c>iommu_group</c> links to.</summary>
    public int? IommuGroup() => LinkName("iommu_group") is { } name ? ParseInteger("iommu_group", name) : null;

    /// <summary>
    /// <c>vfio-dev/vfioN</c> and whether it holds a <c>dev</c> file, without which there is no node (kernel
    /// <c>drivers/vfio/vfio_main.c</c>, CONFIG_VFIO_DEVICE_CDEV).
    /// </summary>
    public (string? Name, bool HasNode) VfioCdev()
    {
        if (!Has("vfio-dev"))
            return (null, false);
        var name = files.List(PathOf("vfio-dev")).FirstOrDefault(n => n.StartsWith("vfio", StringComparison.Ordinal));
        return (name, name is not null && files.Exists($"{Path}/vfio-dev/{name}/dev"));
    }

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
