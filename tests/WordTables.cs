using Hostdev.Crds.Words;
using Hostdev.Tests.Docs;

namespace Hostdev.Tests;

/// <summary>
/// The tables of pages that are made from the words of the contract, between a comment that names what they show (tables of
/// <see cref="Reasons"/>, single reasons, <c>Risks</c>, <c>WritableFiles</c> or <c>States</c>): parts of <see cref="GeneratedParts"/>.
/// </summary>
internal static class WordTables
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
    public static string Matches(string page) => GeneratedParts.Match(page, "words", "crds/Words", Table);

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
}
