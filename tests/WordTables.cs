using System.Text.RegularExpressions;
using Hostdev.Crds.Words;
using Xunit;

namespace Hostdev.Tests;

/// <summary>
/// The tables of pages that are made from the words of the contract, between a comment that names what they show (tables of
/// <see cref="Reasons"/>, single reasons, <c>Risks</c>, <c>WritableFiles</c> or <c>States</c>) and one that ends them.
/// HOSTDEV_UPDATE_GOLDENS=1 writes them.
/// </summary>
internal static partial class WordTables
{
    private static readonly Dictionary<string, ReasonTable> s_tables = new()
    {
        [nameof(Reasons.Devices)] = Reasons.Devices,
        [nameof(Reasons.Sriov)] = Reasons.Sriov,
        [nameof(Reasons.Pods)] = Reasons.Pods,
        [nameof(Reasons.Kubelet)] = Reasons.Kubelet,
        [nameof(Reasons.Nodes)] = Reasons.Nodes,
        [nameof(Reasons.Policies)] = Reasons.Policies,
    };

    /// <summary>Asserts that the page shows what the words say; returns it.</summary>
    public static string Matches(string page)
    {
        var path = Repository.Path(page);
        var text = File.ReadAllText(path);
        var made = Marked()
            .Replace(text, m => $"<!-- words: {m.Groups["names"].Value} -->\n{Table(m.Groups["names"].Value)}<!-- end of words -->");
        if (Golden.IsUpdating)
            File.WriteAllText(path, made);
        else
            Assert.True(
                text == made,
                $"{page} has other words than crds/Words: run once with HOSTDEV_UPDATE_GOLDENS=1. {FirstDifference(text, made)}"
            );
        return made;
    }

    public static string Row(Reason reason) => $"| `{reason}` | {reason.Cause} | {reason.Remedy} |";

    public static string Row(Risk risk)
    {
        var word = risk.Reason.Name == risk.Name ? $"`{risk}`" : $"`{risk}`, with the reason `{risk.Reason}`";
        var of = risk.Of.ToString().ToLowerInvariant();
        return $"| {word} | {of} | {risk.Reason.Cause} | {risk.Reason.Remedy} | {risk.Accepting} |";
    }

    public static string Row(WritableFile file)
    {
        (WritableOf Of, string Words)[] devices =
        [
            (WritableOf.PhysicalFunction, "physical function"),
            (WritableOf.VirtualFunction, "VFs"),
            (WritableOf.MediatedDevice, "mediated device"),
        ];
        return $"| `{file}` | {string.Join(", ", devices.Where(d => file.Of.HasFlag(d.Of)).Select(d => d.Words))} | {file.What} |";
    }

    public static string Row(FindingState state) => $"| `{state}` | {state.Meaning} |";

    private static string Table(string names)
    {
        if (names == "States")
            return Lines(["| state | meaning |", "|---|---|", .. FindingState.All.Select(Row)]);
        if (names == "Risks")
            return Lines([
                "| risk, and reason | of | cause | remedy | accepting it means |",
                "|---|---|---|---|---|",
                .. Risks.All.Select(Row),
            ]);
        if (names == "WritableFiles")
            return Lines(["| file | of | what it sets |", "|---|---|---|", .. WritableFiles.All.Select(Row)]);
        var reasons = names
            .Split(' ')
            .SelectMany(n => s_tables.TryGetValue(n, out var table) ? table : (IEnumerable<Reason>)[Reasons.Of(n)]);
        return Lines(["| reason | cause | remedy |", "|---|---|---|", .. reasons.Select(Row)]);
    }

    private static string Lines(IEnumerable<string> lines) => string.Concat(lines.Select(l => l + "\n"));

    private static string FirstDifference(string page, string made) =>
        page.Split('\n')
            .Zip(made.Split('\n'))
            .Where(l => l.First != l.Second)
            .Select(l => $"It has\n{l.First}\nand should have\n{l.Second}")
            .FirstOrDefault("");

    [GeneratedRegex("<!-- words: (?<names>.+?) -->\\n.*?<!-- end of words -->", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Marked();
}
