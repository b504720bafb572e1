using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;

namespace Hostdev.Tests.Charts;

/// <summary>What helm renders of the chart, as <c>hack/verify</c> holds it in testdata: the tests themselves need no helm.</summary>
internal static class RenderedChart
{
    /// <summary>Accounts, roles and bindings with the chart's own values.</summary>
    public static ImmutableArray<JsonObject> Access { get; } = Read("rbac.yaml");

    /// <summary>Admission policies and their bindings with the chart's own values.</summary>
    public static ImmutableArray<JsonObject> Admission { get; } = Read("admission.yaml");

    /// <summary>All but the CRDs, with all switches on and a value for everything.</summary>
    public static ImmutableArray<JsonObject> Everything { get; } = Read("filled.yaml");

    /// <summary>The DaemonSet and the Service with agent.localhost, as all switches on have it.</summary>
    public static ImmutableArray<JsonObject> Localhost { get; } = Read("localhost.yaml");

    /// <summary>The manifest for the kubelet's own directory.</summary>
    public static JsonObject StaticPod { get; } =
        (JsonObject)YamlJson.Parse((string)Find("ConfigMap", "hostdev-agent-static")["data"]!["hostdev-agent.yaml"]!, out _)!;

    /// <summary>One of <see cref="Everything"/>.</summary>
    public static JsonObject Find(string kind, string name) =>
        Everything.Single(o => Text(o, "kind") == kind && Text(o["metadata"]!, "name") == name);

    /// <summary>
    /// Every container of every Pod that the chart makes, that of the static Pod included, with the program that its image runs.
    /// </summary>
    public static IEnumerable<(string Pod, string Program, JsonObject Container)> Containers()
    {
        foreach (var it in Everything)
        {
            var kind = Text(it, "kind");
            var isStatic = it["data"]?["hostdev-agent.yaml"] is not null;
            var inside = kind == "Pod" ? it["spec"] : it["spec"]?["template"]?["spec"];
            var pod = isStatic ? StaticPod["spec"] : inside;
            foreach (var container in pod?["containers"]?.AsArray() ?? [])
                yield return (
                    $"{kind} {Text(it["metadata"]!, "name")}",
                    Text(container!, "image").Split('/')[^1].Split(':', '@')[0],
                    container!.AsObject()
                );
        }
    }

    public static string Text(JsonNode it, string name) => (string?)it[name] ?? "";

    private static ImmutableArray<JsonObject> Read(string file) =>
        [
            .. File.ReadAllText(Repository.Path("tests", "testdata", "chart", file))
                .Split("\n---\n")
                .Select(text =>
                    YamlJson.Parse(text.StartsWith("---\n", StringComparison.Ordinal) ? text[4..] : text, out var error) as JsonObject
                    ?? throw new InvalidOperationException($"{file}: {error}")
                ),
        ];
}
