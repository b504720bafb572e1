using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// The documents that say what an API server serves. Groups and versions stand in the order of the resources they were made from.
/// </summary>
public sealed class Discovery(IEnumerable<ResourceDescription> resources)
{
    private readonly ImmutableArray<ResourceDescription> _resources = [.. resources];

    /// <summary><c>/api</c>.</summary>
    public JsonObject ApiVersions() =>
        new()
        {
            ["kind"] = "APIVersions",
            ["versions"] = new JsonArray([
                .. _resources
                    .Where(r => r.Resource.Group.Length == 0)
                    .Select(r => (JsonNode)r.Resource.Version)
                    .DistinctBy(v => v.ToString()),
            ]),
            ["serverAddressByClientCIDRs"] = new JsonArray(),
        };

    /// <summary><c>/apis</c>: every group but the core.</summary>
    public JsonObject Groups() =>
        new()
        {
            ["kind"] = "APIGroupList",
            ["apiVersion"] = "v1",
            ["groups"] = new JsonArray([.. GroupNames().Where(g => g.Length > 0).Select(GroupBody)]),
        };

    /// <summary><c>/apis/GROUP</c>; null for a group that is not served.</summary>
    public JsonObject? Group(string group)
    {
        if (group.Length == 0 || !GroupNames().Contains(group))
            return null;
        var body = GroupBody(group);
        body.Insert(0, "kind", "APIGroup");
        body.Insert(1, "apiVersion", "v1");
        return body;
    }

    /// <summary><c>/api/VERSION</c> and <c>/apis/GROUP/VERSION</c>; null for what is not served.</summary>
    /// <param name="group">Empty for the core group.</param>
    public JsonObject? Resources(string group, string version)
    {
        var served = Served(group, version);
        if (served.IsEmpty)
            return null;
        return new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = served[0].Resource.ApiVersion,
            ["resources"] = new JsonArray([.. served.SelectMany(Lines)]),
        };
    }

    /// <summary>
    /// The answer to a client that accepts <c>as=APIGroupDiscoveryList</c>: <c>/api</c> in one document, or <c>/apis</c> in one document.
    /// </summary>
    /// <param name="core">Whether <c>/api</c> is asked.</param>
    /// <param name="version"><c>v2</c> or <c>v2beta1</c> of <c>apidiscovery.k8s.io</c>, as the client accepts.</param>
    public JsonObject Aggregated(bool core, string version) =>
        new()
        {
            ["kind"] = "APIGroupDiscoveryList",
            ["apiVersion"] = $"apidiscovery.k8s.io/{version}",
            ["metadata"] = new JsonObject(),
            ["items"] = new JsonArray([.. GroupNames().Where(g => g.Length == 0 == core).Select(AggregatedGroup)]),
        };

    private IEnumerable<string> GroupNames() => _resources.Select(r => r.Resource.Group).Distinct();

    private IEnumerable<string> VersionNames(string group) =>
        _resources.Where(r => r.Resource.Group == group).Select(r => r.Resource.Version).Distinct();

    private ImmutableArray<ResourceDescription> Served(string group, string version) =>
        [.. _resources.Where(r => r.Resource.Group == group && r.Resource.Version == version)];

    private JsonObject GroupBody(string group)
    {
        var versions = VersionNames(group).Select(v => new JsonObject { ["groupVersion"] = $"{group}/{v}", ["version"] = v }).ToList();
        return new JsonObject
        {
            ["name"] = group,
            ["versions"] = new JsonArray([.. versions]),
            ["preferredVersion"] = versions[0].DeepClone(),
        };
    }

    private static IEnumerable<JsonNode> Lines(ResourceDescription resource)
    {
        var line = new JsonObject
        {
            ["name"] = resource.Resource.Plural,
            ["singularName"] = resource.Singular,
            ["namespaced"] = resource.Resource.Namespaced,
            ["kind"] = resource.Resource.Kind,
            ["verbs"] = Texts(resource.Verbs),
        };
        if (!resource.ShortNames.IsEmpty)
            line["shortNames"] = Texts(resource.ShortNames);
        if (!resource.Categories.IsEmpty)
            line["categories"] = Texts(resource.Categories);
        yield return line;
        foreach (var subresource in resource.Subresources)
        {
            var (group, version) = GroupAndVersion(subresource.ApiVersion);
            var subline = new JsonObject
            {
                ["name"] = $"{resource.Resource.Plural}/{subresource.Name}",
                ["singularName"] = "",
                ["namespaced"] = resource.Resource.Namespaced,
            };
            if (subresource.ApiVersion is not null)
                (subline["group"], subline["version"]) = (group, version);
            subline["kind"] = subresource.Kind ?? resource.Resource.Kind;
            subline["verbs"] = Texts(subresource.Verbs);
            yield return subline;
        }
    }

    private JsonNode AggregatedGroup(string group) =>
        new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = group, ["creationTimestamp"] = null },
            ["versions"] = new JsonArray([
                .. VersionNames(group)
                    .Select(version => new JsonObject
                    {
                        ["version"] = version,
                        ["resources"] = new JsonArray([.. Served(group, version).Select(AggregatedResource)]),
                        ["freshness"] = "Current",
                    }),
            ]),
        };

    private static JsonNode AggregatedResource(ResourceDescription resource)
    {
        var line = new JsonObject
        {
            ["resource"] = resource.Resource.Plural,
            ["responseKind"] = ResponseKind(resource.Resource.Group, resource.Resource.Version, resource.Resource.Kind),
            ["scope"] = resource.Resource.Namespaced ? "Namespaced" : "Cluster",
            ["singularResource"] = resource.Singular,
            ["verbs"] = Texts(resource.Verbs),
        };
        if (!resource.ShortNames.IsEmpty)
            line["shortNames"] = Texts(resource.ShortNames);
        if (!resource.Categories.IsEmpty)
            line["categories"] = Texts(resource.Categories);
        if (!resource.Subresources.IsEmpty)
            line["subresources"] = new JsonArray([.. resource.Subresources.Select(s => AggregatedSubresource(resource, s))]);
        return line;
    }

    private static JsonNode AggregatedSubresource(ResourceDescription resource, SubresourceDescription subresource)
    {
        var (group, version) = GroupAndVersion(subresource.ApiVersion ?? resource.Resource.ApiVersion);
        return new JsonObject
        {
            ["subresource"] = subresource.Name,
            ["responseKind"] = ResponseKind(group, version, subresource.Kind ?? resource.Resource.Kind),
            ["verbs"] = Texts(subresource.Verbs),
        };
    }

    private static JsonObject ResponseKind(string group, string version, string kind) =>
        new()
        {
            ["group"] = group,
            ["version"] = version,
            ["kind"] = kind,
        };

    private static (string Group, string Version) GroupAndVersion(string? apiVersion) =>
        apiVersion?.Split('/') is [var group, var version] ? (group, version) : ("", apiVersion ?? "");

    private static JsonArray Texts(ImmutableArray<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);
}
