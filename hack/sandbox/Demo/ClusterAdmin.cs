using System.Reflection;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;

namespace Hostdev.Sandbox.Demo;

/// <summary>What the admin does, through the API as kubectl would.</summary>
internal sealed class ClusterAdmin(KubeClient client)
{
    private static readonly WriteOptions s_apply = new() { FieldManager = "kubectl", Force = true };

    /// <summary>One of <c>examples/cluster</c>, as it stands there.</summary>
    public static string Example(string name)
    {
        using var text = new StreamReader(
            Assembly.GetExecutingAssembly().GetManifestResourceStream($"examples/{name}.yaml")
                ?? throw new InvalidOperationException($"there is no example {name}")
        );
        return text.ReadToEnd();
    }

    /// <summary>As kubectl apply of a file: each new object is created, one that is there is changed.</summary>
    /// <returns>What the API server says against one of them; null when it took them all.</returns>
    public async Task<string?> ApplyAsync(string yaml, CancellationToken cancellationToken)
    {
        foreach (var document in yaml.Split("\n---\n"))
        {
            if (await ApplyOneAsync(document, cancellationToken) is { } refusal)
                return refusal;
        }

        return null;
    }

    private async Task<string?> ApplyOneAsync(string yaml, CancellationToken cancellationToken)
    {
        var json = YamlJson.Parse(yaml, out var error) as JsonObject ?? throw new InvalidOperationException(error);
        var (kind, key) = (KindOf((string)json["kind"]!), new ObjectKey((string)json["metadata"]!["name"]!));
        try
        {
            if (await client.FindAsync(kind, key, cancellationToken) is null)
                await client.CreateAsync(kind, null, json, new WriteOptions { FieldManager = "kubectl" }, cancellationToken);
            else
                await client.ApplyAsync(kind, key, json, s_apply, cancellationToken);
            return null;
        }
        catch (KubeApiException e) when (e.IsInvalid || e.IsBadRequest)
        {
            return e.Status.Message;
        }
    }

    /// <summary>kubectl delete.</summary>
    public Task DeleteAsync(string kind, string name, CancellationToken cancellationToken) =>
        client.DeleteAsync(KindOf(kind).Resource, new ObjectKey(name), new DeleteOptions(), cancellationToken);

    /// <summary>kubectl label node.</summary>
    /// <param name="value">Null removes it.</param>
    public Task LabelNodeAsync(string node, string label, string? value, CancellationToken cancellationToken) =>
        client.MergePatchAsync(
            PartialObjectMetadata.Of(new KubeResource("", "v1", "Node", "nodes", Namespaced: false)),
            new ObjectKey(node),
            new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { [label] = value } } },
            new WriteOptions { FieldManager = "kubectl" },
            cancellationToken
        );

    private static KubeKind<PolicyObject> KindOf(string kind) =>
        kind switch
        {
            "HostDevice" => HostdevKinds.HostDevices,
            "SriovPolicy" => HostdevKinds.SriovPolicies,
            _ => HostdevKinds.MdevProfiles,
        };
}
