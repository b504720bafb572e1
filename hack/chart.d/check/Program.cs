using System.Text.Json.Nodes;
using Hostdev.Charts;
using Hostdev.Crds.Parsing;

// What hack/chart.d/chart.sh says of it.
if (args is ["values", var file])
{
    Console.Write(ValuesTable.Of(File.ReadAllText(file)));
    return 0;
}

if (args.Length < 4)
{
    Console.Error.WriteLine("usage: hostdev-chart-check values FILE | CHART CASES DIRECTORY HELM...");
    return 1;
}

var values = Read(Path.Combine(args[0], "values.yaml"));
var cases = Read(args[1]);
var check = new ChartCheck(args[0], args[2], await Task.WhenAll(args[3..].Select(Helm.FindAsync)));

// The machine's cores are others' too.
var limit = new ParallelOptions { MaxDegreeOfParallelism = Math.Max(2, Environment.ProcessorCount / 2) };
var findings = new List<(string Case, string Text)>();

await Parallel.ForEachAsync(
    ChartCases.Rendered(values, (JsonObject)cases["filled"]!),
    limit,
    async (it, _) => Report(it.Name, await check.RenderAsync(it))
);
await Parallel.ForEachAsync(
    cases["refused"]!.AsArray(),
    limit,
    async (it, _) => Report("values", await check.RefuseAsync((JsonObject)it!["values"]!, (string)it["says"]!))
);

// What is wrong in all cases is said once.
foreach (var finding in findings.GroupBy(f => f.Text, f => f.Case, StringComparer.Ordinal).OrderBy(f => f.Key, StringComparer.Ordinal))
{
    var names = finding.Order(StringComparer.Ordinal).ToList();
    Console.WriteLine($"{names[0]}{(names.Count > 1 ? $" and {names.Count - 1} more" : "")}: {finding.Key.ReplaceLineEndings(" ")}");
}

return 0;

void Report(string name, IEnumerable<string> found)
{
    lock (findings)
        findings.AddRange(found.Select(f => (name, f)));
}

static JsonObject Read(string file) =>
    YamlJson.Parse(File.ReadAllText(file), out var error) as JsonObject ?? throw new InvalidOperationException($"{file}: {error}");
