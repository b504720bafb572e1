using System.Text.RegularExpressions;
using Xunit;

namespace Hostdev.Tests;

/// <summary>What is meant for devices of all classes knows none of them (docs/adr/0021).</summary>
public sealed partial class ArchitectureTests
{
    private const int MostFilesOfPci = 16;

    [Fact]
    public void Only_the_files_of_the_house_s_table_know_PCI_and_they_are_few()
    {
        var lines = File.ReadAllLines(Repository.Path("docs", "house.md"));
        var from = Array.IndexOf(lines, "## Where the agent knows PCI");
        Assert.True(from >= 0, "docs/house.md:1: lacks the section \"Where the agent knows PCI\"");
        var listed = lines
            .Select((text, i) => (text, Line: i + 1))
            .Skip(from)
            .Where(l => l.text.StartsWith("| `", StringComparison.Ordinal))
            .SelectMany(l => FileOfRoom().Matches(l.text).Select(m => (Path: $"device-plugin/{m.Groups[1].Value}.cs", l.Line)))
            .ToDictionary(l => l.Path, l => l.Line);
        var there = AgentSources()
            .Where(f => IsIn(f.Path, "device-plugin") && !IsIn(f.Path, "device-plugin/Inventory"))
            .Select(f => (f.Path, Line: Array.FindIndex(f.Text, t => PciName().IsMatch(t)) + 1))
            .Where(f => f.Line > 0)
            .ToDictionary(f => f.Path, f => f.Line);
        None(
            there
                .Where(f => !listed.ContainsKey(f.Key))
                .Select(f =>
                    $"{f.Key}:{f.Value}: knows PCI, and has no place in docs/house.md, \"Where the agent knows PCI\": take a DeviceId, "
                    + "a Unit or a UnitState, or move what is PCI's to the file there that has its like; a rule of PCI's own gets an entry"
                )
                .Concat(
                    listed
                        .Where(l => !there.ContainsKey(l.Key))
                        .Select(l => $"docs/house.md:{l.Value}: says that {l.Key} knows PCI, which it does not: take it off")
                )
                .Concat(
                    there.Count <= MostFilesOfPci
                        ? []
                        :
                        [
                            $"docs/house.md:{from + 1}: {there.Count} files know PCI, and {MostFilesOfPci} may: bring two together that "
                                + "change together, or make general what is (docs/adr/0021-one-device-whatever-its-bus.md)",
                        ]
                )
        );
    }

    [GeneratedRegex(@"`(\w+/\w+)`")]
    private static partial Regex FileOfRoom();

    [GeneratedRegex("PciAddress|PciFunction")]
    private static partial Regex PciName();
}
