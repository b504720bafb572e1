using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Meta;
using Hostdev.Projection;

namespace Hostdev.Kubectl.Answers;

/// <summary>Manifests of policies, as <c>kubectl apply -f</c> takes them: one document for each, or a List.</summary>
public static class PolicyFile
{
    private const string Group = "hostdev.io/v1alpha1";

    /// <summary>The policies in their order; none with an error.</summary>
    /// <param name="error">Empty on success; else which document, what is wrong with it and what to write.</param>
    public static ImmutableArray<PolicyObject> Read(string text, out string error)
    {
        var documents = YamlJson.ParseAll(text, out error);
        var policies = ImmutableArray.CreateBuilder<PolicyObject>();
        for (var i = 0; i < documents.Length && error.Length == 0; i++)
        {
            var place = documents.Length == 1 ? "it" : $"document {i + 1}";
            foreach (var (node, at) in ItemsOf(documents[i], place))
            {
                if (One(node, at, out error) is not { } policy)
                    return [];
                if (policies.FirstOrDefault(p => (p.Kind, p.Metadata.Name) == (policy.Kind, policy.Metadata.Name)) is not null)
                {
                    error = $"{at} is {policy.Kind}/{policy.Metadata.Name} once more: leave one of the two out";
                    return [];
                }

                policies.Add(policy);
            }
        }

        return error.Length == 0 ? policies.ToImmutable() : [];
    }

    private static IEnumerable<(JsonNode? Node, string Place)> ItemsOf(JsonNode document, string place) =>
        document is JsonObject list && Text(list["kind"]) == "List" && list["items"] is JsonArray items
            ? items.Select((item, i) => (item, $"items[{i}]"))
            : [(document, place)];

    private static PolicyObject? One(JsonNode? node, string place, out string error)
    {
        error = "";
        var kinds = string.Join(", ", PolicyKinds.All.Select(k => k.Resource.Kind));
        if (node is not JsonObject manifest)
            error = $"{place} must be a manifest: a mapping with apiVersion, kind, metadata and spec";
        else if (Text(manifest["kind"]) is not { } kind || PolicyKinds.All.All(k => k.Resource.Kind != kind))
            error = $"{place} has kind {Quoted(manifest["kind"])}: plan takes {kinds}";
        else if (Text(manifest["apiVersion"]) != Group)
            error = $"{place} has apiVersion {Quoted(manifest["apiVersion"])}: write {Group}";
        else if (Text(manifest["metadata"]?["name"]) is not { Length: > 0 } name)
            error = $"{place} has no metadata.name: write one";
        else if (manifest["spec"] is not JsonObject spec)
            error = $"{kind}/{name} has no spec: write what it asks for";
        else
        {
            return new PolicyObject
            {
                ApiVersion = Group,
                Kind = kind,
                Metadata = new ObjectMeta { Name = name },
                Spec = JsonSerializer.SerializeToElement(spec, AnswersTreeContext.Default.JsonObject),
            };
        }

        return null;
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static string Quoted(JsonNode? node) => node is null ? "missing" : $"\"{PrintableText.Of(Text(node) ?? node.ToJsonString())}\"";
}

[System.Text.Json.Serialization.JsonSerializable(typeof(JsonObject))]
internal sealed partial class AnswersTreeContext : System.Text.Json.Serialization.JsonSerializerContext;
