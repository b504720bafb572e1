using System.Collections.Immutable;
using Hostdev.Crds.Kinds;

namespace Hostdev.Kubectl.Answers;

/// <summary>What hangs on what: a node, its IOMMU groups, their functions, and what is below each.</summary>
/// <param name="Label">In one line.</param>
/// <param name="Device">Null for a node, a group, and a range of virtual functions.</param>
public sealed record DeviceTree(string Label, DeviceRow? Device, ImmutableArray<DeviceTree> Children)
{
    /// <param name="rows">Of <see cref="NodeDevices.Of"/>, with their pods.</param>
    public static DeviceTree Of(NodeReading reading, ImmutableArray<DeviceRow> rows)
    {
        var ids = rows.Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
        var below = rows.Where(r => r.Parent is not null && ids.Contains(r.Parent)).ToLookup(r => r.Parent!, StringComparer.Ordinal);
        var ranges = (reading.Status?.VirtualFunctions ?? [])
            .OfType<VirtualFunctionsStatus>()
            .ToLookup(v => v.PhysicalFunction, StringComparer.Ordinal);
        var tops = rows.Where(r => r.Parent is null || !ids.Contains(r.Parent)).ToList();
        var grouped = tops.Where(r => r.IommuGroup is not null).GroupBy(r => r.IommuGroup!.Value);
        var groups = grouped.Select(g => new DeviceTree($"IOMMU group {g.Key}", null, [.. g.Select(Branch)]));
        return new DeviceTree(reading.Node, null, [.. groups, .. tops.Where(r => r.IommuGroup is null).Select(Branch)]);

        DeviceTree Branch(DeviceRow row) => new(Text(row), row, [.. ranges[row.Id].SelectMany(Ranges), .. below[row.Id].Select(Branch)]);
    }

    public ImmutableArray<string> Lines() => [Label, .. Below("")];

    private IEnumerable<string> Below(string indent)
    {
        for (var i = 0; i < Children.Length; i++)
        {
            var isLast = i == Children.Length - 1;
            yield return $"{indent}{(isLast ? "└─ " : "├─ ")}{Children[i].Label}";
            foreach (var line in Children[i].Below(indent + (isLast ? "   " : "│  ")))
                yield return line;
        }
    }

    private static IEnumerable<DeviceTree> Ranges(VirtualFunctionsStatus of) =>
        [new DeviceTree($"{of.Current} of {of.Total} virtual functions", null, [.. of.Ranges.Select(r => new DeviceTree(r, null, []))])];

    private static string Text(DeviceRow row)
    {
        string?[] parts =
        [
            row.Id,
            row.Name ?? row.Ids,
            row.Driver is null ? null : $"[{row.Driver}]",
            row.State.ToString(),
            row.Reason is null ? null : $"({row.Reason})",
            row.Resource,
            row.PodText is null ? null : $"pod {row.PodText}",
            row.VirtualMachine is null ? null : $"VM {row.VirtualMachine}",
        ];
        return string.Join("  ", parts.Where(p => !string.IsNullOrEmpty(p)));
    }
}
