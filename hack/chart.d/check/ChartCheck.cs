using System.Text.Json.Nodes;

namespace Hostdev.Charts;

/// <summary>A chart, rendered by every helm that there is.</summary>
/// <param name="directory">Gets the values of each case as <c>NAME.values.json</c>, and what it renders to as <c>NAME.yaml</c>.</param>
/// <param name="helms">The first one's manifests are looked at; those of the others must be the same.</param>
internal sealed class ChartCheck(string chart, string directory, IReadOnlyList<Helm> helms)
{
    private int _refused;

    /// <returns>Findings.</returns>
    public async Task<IReadOnlyList<string>> RenderAsync(ChartCase it)
    {
        var file = WriteValues(it.Name, it.Values);
        var rendered = await Task.WhenAll(helms.Select(h => h.TemplateAsync(chart, file)));
        var found = new List<string>();
        foreach (var (helm, result) in helms.Zip(rendered))
        {
            if (!result.Succeeded)
                found.Add($"helm {helm.Version} renders nothing: {result.Errors}");
            else if (result.Errors.Length > 0)
                found.Add($"helm {helm.Version} says {result.Errors}");
            else if (result.Output != rendered[0].Output)
                found.Add($"helm {helm.Version} renders something else than {helms[0].Version}: compare helm template --values {file}");
        }

        if (found.Count > 0)
            return found;
        await File.WriteAllTextAsync(Path.Combine(directory, it.Name + ".yaml"), rendered[0].Output);
        return ManifestStream.Check(rendered[0].Output);
    }

    /// <summary>That every helm refuses the values, and every word of <paramref name="says"/> is in what it says.</summary>
    /// <returns>Findings.</returns>
    public async Task<IReadOnlyList<string>> RefuseAsync(JsonObject values, string says)
    {
        var text = values.ToJsonString();
        var file = WriteValues($"refused-{Interlocked.Increment(ref _refused)}", values);
        var found = new List<string>();
        foreach (var helm in helms)
        {
            var result = await helm.TemplateAsync(chart, file);
            // One helm names a value image.tag, another '/image/tag'.
            var said = result.Errors.Replace('/', '.');
            var missing = says.Split(' ').Where(w => !said.Contains(w, StringComparison.Ordinal)).ToList();
            if (result.Succeeded)
                found.Add($"helm {helm.Version} takes wrong values: {text}");
            else if (missing.Count > 0)
                found.Add($"helm {helm.Version} refuses {text} without saying {string.Join(", ", missing)}: {result.Errors}");
        }

        return found;
    }

    private string WriteValues(string name, JsonObject values)
    {
        var file = Path.Combine(directory, name + ".values.json");
        File.WriteAllText(file, values.ToJsonString());
        return file;
    }
}
