using System.Text.Json.Nodes;

namespace Hostdev.Charts;

/// <param name="Values">What is set beside the chart's own values.</param>
internal sealed record ChartCase(string Name, JsonObject Values);

internal static class ChartCases
{
    /// <summary>
    /// The chart as it is, each of its switches (a boolean value) alone the other way round, all on, all off, and all on with values for
    /// everything else.
    /// </summary>
    /// <param name="values">Of the chart.</param>
    /// <param name="filled">The values for everything else.</param>
    public static IEnumerable<ChartCase> Rendered(JsonObject values, JsonObject filled)
    {
        var switches = Switches(values, "").ToList();
        yield return new ChartCase("default", []);
        foreach (var (path, isOn) in switches)
            yield return new ChartCase($"{(isOn ? "without" : "with")}-{path}", All([path], !isOn));
        var names = switches.Select(s => s.Path).ToList();
        yield return new ChartCase("all-off", All(names, isOn: false));
        yield return new ChartCase("all-on", All(names, isOn: true));
        yield return new ChartCase("filled", Merged(All(names, isOn: true), filled));
    }

    private static IEnumerable<(string Path, bool IsOn)> Switches(JsonObject values, string at) =>
        values.SelectMany(v =>
            v.Value switch
            {
                JsonObject inner => Switches(inner, $"{at}{v.Key}."),
                JsonValue value when value.TryGetValue(out bool isOn) => [($"{at}{v.Key}", isOn)],
                _ => [],
            }
        );

    private static JsonObject All(IEnumerable<string> paths, bool isOn)
    {
        var all = new JsonObject();
        foreach (var path in paths.Select(p => p.Split('.')))
        {
            var at = all;
            foreach (var name in path[..^1])
                at = (JsonObject)(at[name] ??= new JsonObject());
            at[path[^1]] = isOn;
        }

        return all;
    }

    private static JsonObject Merged(JsonObject values, JsonObject over)
    {
        foreach (var (name, value) in over)
        {
            if (value is JsonObject inner && values[name] is JsonObject below)
                Merged(below, inner);
            else
                values[name] = value?.DeepClone();
        }

        return values;
    }
}
