using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Admission;

/// <summary>One of <c>resourceRules</c>: which writes a policy is about (apiserver <c>plugin/webhook/predicates/rules</c>).</summary>
/// <param name="Resources"><c>pods</c>, <c>pods/status</c>, <c>*/status</c>, <c>*</c> for all without their subresources.</param>
/// <param name="Names">Empty for every name.</param>
/// <param name="Scope"><c>Cluster</c> or <c>Namespaced</c>; anything else for both.</param>
internal sealed record ResourceRule(
    ImmutableArray<string> Groups,
    ImmutableArray<string> Versions,
    ImmutableArray<string> Operations,
    ImmutableArray<string> Resources,
    ImmutableArray<string> Names,
    string Scope
)
{
    public static ResourceRule Of(JsonObject json) =>
        new(
            [.. json.Texts("apiGroups")],
            [.. json.Texts("apiVersions")],
            [.. json.Texts("operations")],
            [.. json.Texts("resources")],
            [.. json.Texts("resourceNames")],
            json.Text("scope")
        );

    /// <param name="resource">As which the request is looked at.</param>
    public bool Matches(AdmissionRequest request, ServedResource resource) =>
        Scope switch
        {
            "Cluster" => request.Namespace.Length == 0,
            "Namespaced" => request.Namespace.Length > 0,
            _ => true,
        }
        && Any(Operations, request.Operation)
        && Any(Groups, resource.Group)
        && Any(Versions, resource.Version)
        && Resources.Any(r => IsResource(r.Split('/', 2), resource.Plural, request.Subresource))
        && (Names.IsEmpty || Names.Contains(request.Name));

    private static bool IsResource(string[] wanted, string plural, string subresource) =>
        Is(wanted[0], plural) && Is(wanted is [_, var sub] ? sub : "", subresource);

    private static bool Any(ImmutableArray<string> wanted, string it) => wanted.Any(w => Is(w, it));

    private static bool Is(string wanted, string it) => wanted == "*" || wanted == it;
}
