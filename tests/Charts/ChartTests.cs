using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Crds.Parsing;
using Xunit;

namespace Hostdev.Tests.Charts;

/// <summary>What holds the chart together with the rest; what helm makes of it is checked by <c>hack/verify</c>.</summary>
public sealed partial class ChartTests
{
    private static readonly string s_chart = Repository.Path("charts", "hostdev");
    private static readonly JsonObject s_schema = Yaml("values.schema.json");

    /// <summary>What was a value once: a template says what to set instead.</summary>
    private static readonly string[] s_gone = ["agent.kubeletDir", "image.pullSecrets"];

    [Fact]
    public void The_chart_and_the_app_have_the_version_of_the_product()
    {
        var product = Version().Match(File.ReadAllText(Repository.Path("Directory.Build.props"))).Groups[1].Value;
        var chart = Yaml("Chart.yaml");

        Assert.Equal((product, product), (chart["version"]!.GetValue<string>(), chart["appVersion"]!.GetValue<string>()));
    }

    [Fact]
    public void The_chart_installs_the_CRDs_word_for_word_and_keeps_them_when_it_goes()
    {
        foreach (var crd in Directory.EnumerateFiles(Repository.Path("crds"), "*.yaml"))
        {
            var text = File.ReadAllText(crd);
            var copy = Path.Combine(s_chart, "templates", "crd-" + Path.GetFileName(crd));
            Assert.Null(new FileInfo(copy).LinkTarget); // helm prints a line for each link
            Assert.True(text == File.ReadAllText(copy), $"{copy} is not {crd}: run hack/chart.d/chart.sh --write");
            Assert.DoesNotContain("{{", text, StringComparison.Ordinal); // it would be taken for a template
            Assert.Equal("keep", YamlJson.Parse(text, out _)!["metadata"]!["annotations"]!["helm.sh/resource-policy"]!.GetValue<string>());
        }

        Assert.Equal(
            Directory.GetFiles(Repository.Path("crds"), "*.yaml").Length,
            Directory.GetFiles(Path.Combine(s_chart, "templates"), "crd-*.yaml").Length
        );
    }

    [Fact]
    public void Every_value_is_in_the_schema_and_every_schema_entry_is_a_value()
    {
        var findings = new List<string>();
        Compare(Yaml("values.yaml"), s_schema, "values", findings);

        Assert.Equal([], findings);
    }

    [Fact]
    public void Every_value_is_used_by_a_template_and_templates_use_no_others()
    {
        var templates = string.Concat(
            Directory
                .EnumerateFiles(Path.Combine(s_chart, "templates"), "*", SearchOption.AllDirectories)
                .Where(f => !Path.GetFileName(f).StartsWith("crd-", StringComparison.Ordinal))
                .Select(File.ReadAllText)
        );
        var used = UsedValue()
            .Matches(templates)
            .Select(m => m.Groups[1].Value.Replace(")", "", StringComparison.Ordinal))
            .Distinct()
            .Order(StringComparer.Ordinal);
        var known = Leaves(Yaml("values.yaml"), "").Concat(s_gone).Order(StringComparer.Ordinal);

        Assert.Equal(known, used);
    }

    private static JsonObject Yaml(string file) => (JsonObject)YamlJson.Parse(File.ReadAllText(Path.Combine(s_chart, file)), out _)!;

    /// <summary>
    /// Free maps and lists are one value: their members are the admin's. So is an image of one program: a template takes it whole.
    /// </summary>
    private static IEnumerable<string> Leaves(JsonObject values, string at) =>
        values.SelectMany(v =>
        {
            var isWhole = v.Key is "nodeSelector" or "resources" or "labels" || (v.Key == "image" && at.Length > 0);
            return !isWhole && v.Value is JsonObject { Count: > 0 } map ? Leaves(map, $"{at}{v.Key}.") : [$"{at}{v.Key}"];
        });

    private static void Compare(JsonObject values, JsonObject schema, string at, List<string> findings)
    {
        if ((string?)schema["$ref"] is { } reference)
            schema = (JsonObject)s_schema["definitions"]![reference.Split('/')[^1]]!;
        if (schema["properties"] is not JsonObject properties || values.Count == 0)
            return; // an empty map is the admin's to fill
        findings.AddRange(
            values.Select(v => v.Key).Except(properties.Select(p => p.Key)).Select(n => $"{at}.{n} is not in values.schema.json")
        );
        var entries = properties.Where(p => p.Key != "global" && (string?)p.Value!["$ref"] != "#/definitions/gone").Select(p => p.Key);
        findings.AddRange(entries.Except(values.Select(v => v.Key)).Select(n => $"{at}.{n} is not in values.yaml"));
        foreach (var (name, value) in values)
            if (value is JsonObject map && properties[name] is JsonObject inner)
                Compare(map, inner, $"{at}.{name}", findings);
    }

    [GeneratedRegex("<Version>([^<]+)</Version>")]
    private static partial Regex Version();

    /// <summary>
    /// In parentheses where the values of a version before may lack what the last word stands in (<c>--reuse-values</c>).
    /// </summary>
    [GeneratedRegex(@"\.Values\.([A-Za-z.]+(?:\)\.[A-Za-z]+)?)")]
    private static partial Regex UsedValue();
}
