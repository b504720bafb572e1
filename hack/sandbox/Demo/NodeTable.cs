using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds.Words;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Hostdev.Sandbox.Demo;

/// <summary>The node as tables: devices, resources, and what stands in the way of what.</summary>
internal static class NodeTable
{
    /// <param name="together">Virtual functions that stand alike share one row.</param>
    public static IRenderable Render(NodeReading node, int width, bool together)
    {
        var devices = New(width, "ADDRESS", "DEVICE", "DRIVER", "GROUP", "OFFERED AS", "HELD BY");
        foreach (var row in together ? Together(node.Devices) : node.Devices)
            devices.AddRow(Cells(row, width));
        var resources = New(width, "RESOURCE", "CAPACITY", "ALLOCATABLE", "HELD BY");
        foreach (var r in node.Resources)
        {
            var free = r.Allocatable == 0 ? "red" : "green";
            resources.AddRow(
                new Markup(r.Name),
                new Markup(Number(r.Capacity)),
                new Markup($"[{free}]{Number(r.Allocatable)}[/]"),
                new Markup(Markup.Escape(string.Join(", ", r.Holders)))
            );
        }

        var mdevs = New(width, "MEDIATED DEVICE", "ON", "TYPE", "GROUP", "OFFERED AS", "HELD BY");
        foreach (var m in node.Mdevs)
            mdevs.AddRow(
                new Markup(m.Uuid),
                new Markup(m.Parent),
                new Text(m.Type),
                new Markup(m.Group ?? "-"),
                new Markup(m.Resource is null ? "" : $"[green]{m.Resource}[/]"),
                new Markup(m.Vm is null ? "" : $"[bold]{m.Vm}[/]")
            );

        List<IRenderable> parts = [devices];
        if (node.Mdevs.Length > 0)
            parts.Add(mdevs);
        if (node.Resources.Length > 0)
            parts.Add(resources);
        var reasons = node.Problems.Where(p => p.State != FindingState.Held).ToList();
        parts.AddRange(
            reasons
                .SelectMany(p => StoryText.Wrap($"{p.State}: {p.Message}", width - 1, "     ", " "))
                .Select(line => new Markup($"[yellow]{Markup.Escape(line)}[/]"))
        );
        return new Rows(parts);
    }

    internal static Table New(int width, params ReadOnlySpan<string> headers)
    {
        var table = new Table
        {
            Border = TableBorder.Rounded,
            Width = width,
            BorderStyle = new Style(Color.Grey),
        };
        foreach (var header in headers)
            table.AddColumn(
                new TableColumn($"[grey]{header}[/]") { NoWrap = header is "ADDRESS" or "MEDIATED DEVICE" or "DRIVER" or "GROUP" }
            );
        return table;
    }

    private static IRenderable[] Cells(DeviceRow row, int width)
    {
        var name = row.VfIndex is { } index ? $"  VF {Number(index)} {row.Name}" : row.Name;
        var room = Math.Max(12, width - 80); // what the other columns leave
        if (name.Length > room)
            name = name[..(room - 1)] + "…";
        var remark = row.Remark ?? (row.IsTaken && row.Resource is null ? "taken" : "");
        return
        [
            new Markup(row.Address),
            new Text(name),
            new Markup(
                row.Driver is null ? "[red]none[/]"
                : row.IsTaken ? $"[aqua]{row.Driver}[/]"
                : row.Driver
            ),
            new Markup(row.Group ?? "-"),
            new Markup(
                row.Resource is null
                    ? $"[{(remark.StartsWith("blocked", StringComparison.Ordinal) ? "red" : "yellow")}]{Markup.Escape(remark)}[/]"
                    : $"[green]{row.Resource}[/]"
            ),
            new Markup(row.Vm is null ? "" : $"[bold]{row.Vm}[/]"),
        ];
    }

    private static IEnumerable<DeviceRow> Together(ImmutableArray<DeviceRow> rows)
    {
        foreach (var alike in rows.GroupBy(r => r.VfIndex is null ? r.Address : $"{r.Driver} {r.Resource} {r.Vm} {r.Remark}"))
        {
            var (first, last) = (alike.First(), alike.Last());
            yield return first == last
                ? first
                : first with
                {
                    Address = $"{first.Address} +{Number(alike.Count() - 1)}",
                    Group = $"{first.Group}..{last.Group}",
                };
        }
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
