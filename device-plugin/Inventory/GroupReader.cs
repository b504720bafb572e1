using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>Reads <c>/sys/kernel/iommu_groups</c> (kernel <c>Documentation/ABI/testing/sysfs-kernel-iommu_groups</c>).</summary>
internal sealed class GroupReader(HostFileReader files)
{
    /// <summary>
    /// The groups that hold PCI functions, with all that the kernel has in them. A group named <c>vfio-noiommu</c> that holds a PCI
    /// function was made by VFIO itself in its no-IOMMU mode and
    /// isolates nothing: the functions are left without a group (kernel <c>drivers/vfio/group.c: vfio_noiommu_group_alloc</c>). A mediated
    /// device's own group has that name by right.
    /// </summary>
    public Dictionary<int, IommuGroup> Read(Dictionary<PciAddress, PciFunction> functions, List<ReadProblem> problems)
    {
        var groups = new Dictionary<int, IommuGroup>();
        foreach (var members in functions.Values.Where(f => f.IommuGroup is not null).GroupBy(f => f.IommuGroup!.Value).ToList())
        {
            var directory = PathOf(members.Key);
            if (files.ReadText($"{directory}/name").Text == "vfio-noiommu")
            {
                foreach (var function in members.ToList())
                    functions[function.Address] = function with { IommuGroup = null };
                problems.Add(new ReadProblem(directory, "is a no-IOMMU group: its functions count as having no group"));
                continue;
            }

            groups.Add(members.Key, ReadOne(members.Key, members.Select(f => f.Address), functions, problems));
        }

        return groups;
    }

    public string? ReadType(int number) => files.ReadText($"{PathOf(number)}/type").Text is { Length: > 0 } type ? type : null;

    private static string PathOf(int number) => $"/sys/kernel/iommu_groups/{number}";

    private IommuGroup ReadOne(
        int number,
        IEnumerable<PciAddress> linked,
        Dictionary<PciAddress, PciFunction> functions,
        List<ReadProblem> problems
    )
    {
        var directory = $"{PathOf(number)}/devices";
        var names = files.List(directory, out var error);
        if (!error.IsSuccess && error != Errno.ENOENT)
            problems.Add(new ReadProblem(directory, $"cannot be listed: {error.Name}"));
        var members = new SortedSet<PciAddress>(linked);
        var others = ImmutableArray.CreateBuilder<OtherGroupMember>();
        foreach (var name in names)
        {
            // A function whose own link could not be read is a member all the same. One whose link says another group has moved between the
            // two looks.
            if (PciAddress.TryParse(name, out var address) && functions.TryGetValue(address, out var function))
            {
                if (function.IommuGroup is null)
                    members.Add(address);
            }
            else
            {
                others.Add(new OtherGroupMember(name, files.ReadLinkName($"{directory}/{name}/driver")));
            }
        }

        return new IommuGroup(number, [.. members], ReadType(number))
        {
            OtherMembers = [.. others.OrderBy(o => o.Name, StringComparer.Ordinal)],
            DirectRegions = ReadDirectRegions(number, problems),
        };
    }

    /// <summary>Lines of start, end and type. Kernels before 4.10 have no such file.</summary>
    private ImmutableArray<string> ReadDirectRegions(int number, List<ReadProblem> problems)
    {
        var path = $"{PathOf(number)}/reserved_regions";
        var read = files.ReadText(path);
        if (read.Text is not { } text)
        {
            if (!read.IsAbsent)
                problems.Add(new ReadProblem(path, read.Complaint ?? "cannot be read"));
            return [];
        }

        var regions = ImmutableArray.CreateBuilder<string>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 3)
                problems.Add(new ReadProblem(path, $"has a line that is not start, end and type: \"{Beginning(line)}\""));
            else if (words[2] == "direct")
                regions.Add($"{Short(words[0])}-{Short(words[1])}");
        }

        return regions.ToImmutable();
    }

    /// <summary>Without the sixteen digits' leading zeros.</summary>
    private static string Short(string number) =>
        number.StartsWith("0x", StringComparison.Ordinal) && number.AsSpan(2).TrimStart('0') is { Length: > 0 } digits
            ? $"0x{digits}"
            : number;

    private static string Beginning(string line) => line.Length > 60 ? line[..60] + "…" : line;
}
