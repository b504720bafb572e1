using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Crds.Parsing;
using Xunit;

namespace Hostdev.Tests.Charts;

/// <summary>What holds the chart together with the rest; what it renders to is checked by <c>hack/verify</c>.</summary>
public sealed partial class ChartTests
{
    private static readonly string s_chart = Repository.Path("charts", "hostdev");

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
            Assert.Equal(text, File.ReadAllText(Path.Combine(s_chart, "templates", "crd-" + Path.GetFileName(crd))));
            Assert.DoesNotContain("{{", text, StringComparison.Ordinal); // it would be taken for a template
            Assert.Equal("keep", YamlJson.Parse(text, out _)!["metadata"]!["annotations"]!["helm.sh/resource-policy"]!.GetValue<string>());
        }

        Assert.Equal(Directory.GetFiles(Repository.Path("crds"), "*.yaml").Length, Directory.GetFiles(Path.Combine(s_chart, "templates"), "crd-*.yaml").Length);
    }

    [Fact]
    public void Every_value_is_in_the_schema_and_every_schema_entry_is_a_value()
    {
        var schema = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(s_chart, "values.schema.json")))!;
        var findings = new List<string>();
        Compare(Yaml("values.yaml"), schema, "values", findings);

        Assert.Equal([], findings);
    }

    [Fact]
    public void Every_value_is_used_by_a_template_and_templates_use_no_others()
    {
        var templates = string.Concat(Directory.EnumerateFiles(Path.Combine(s_chart, "templates")).Where(f => !Path.GetFileName(f).StartsWith("crd-", StringComparison.Ordinal)).Select(File.ReadAllText));
        var used = UsedValue().Matches(templates).Select(m => m.Groups[1].Value).Distinct().Order(StringComparer.Ordinal);
        var known = Leaves(Yaml("values.yaml"), "").Order(StringComparer.Ordinal);

        Assert.Equal(known, used);
    }

    private static JsonObject Yaml(string file) => (JsonObject)YamlJson.Parse(File.ReadAllText(Path.Combine(s_chart, file)), out _)!;

    /// <summary>Free maps and lists are one value: their members are the admin's.</summary>
    private static IEnumerable<string> Leaves(JsonObject values, string at) =>
        values.SelectMany(v => v.Value is JsonObject { Count: > 0 } map && v.Key is not ("nodeSelector" or "resources") ? Leaves(map, $"{at}{v.Key}.") : [$"{at}{v.Key}"]);

    private static void Compare(JsonObject values, JsonObject schema, string at, List<string> findings)
    {
        if (schema["properties"] is not JsonObject properties) return;
        findings.AddRange(values.Select(v => v.Key).Except(properties.Select(p => p.Key)).Select(n => $"{at}.{n} is not in values.schema.json"));
        findings.AddRange(properties.Select(p => p.Key).Except(values.Select(v => v.Key)).Where(n => n != "global").Select(n => $"{at}.{n} is not in values.yaml"));
        foreach (var (name, value) in values)
            if (value is JsonObject map && properties[name] is JsonObject inner) Compare(map, inner, $"{at}.{name}", findings);
    }

    [GeneratedRegex("<Version>([^<]+)</Version>")]
    private static partial Regex Version();

    [GeneratedRegex(@"\.Values\.([A-Za-z.]+)")]
    private static partial Regex UsedValue();
}
