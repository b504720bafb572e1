using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Admission;

/// <summary>Which writes a policy or a binding is about, whole (apiserver <c>plugin/policy/matching/matching.go</c>).</summary>
internal sealed record MatchResources
{
    /// <summary>Empty for every write.</summary>
    public ImmutableArray<ResourceRule> Rules
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public ImmutableArray<ResourceRule> Excluded
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>Rules speak of the very resource that is asked for, and of none that shows the same objects.</summary>
    public bool IsExact { get; init; }

    public LabelSelector Namespaces { get; init; } = new();

    public LabelSelector Objects { get; init; } = new();

    /// <param name="json">A <c>MatchResources</c>; null for every write.</param>
    public static MatchResources Of(JsonObject? json) =>
        new()
        {
            Rules = [.. json.Objects("resourceRules").Select(ResourceRule.Of)],
            Excluded = [.. json.Objects("excludeResourceRules").Select(ResourceRule.Of)],
            IsExact = json.Text("matchPolicy") == "Exact",
            Namespaces = Selector(json.Object("namespaceSelector")),
            Objects = Selector(json.Object("objectSelector")),
        };

    /// <summary>As which resource a write is one of these; null for not at all.</summary>
    /// <param name="served">Everything that the server serves.</param>
    /// <param name="labels">Of a namespace.</param>
    public ServedResource? Find(
        AdmissionRequest request,
        IReadOnlyList<ServedResource> served,
        Func<string, IReadOnlyDictionary<string, string>> labels
    )
    {
        if (!IsInNamespace(request, labels) || !IsSelected(request) || Find(Excluded, request, served) is not null)
            return null;
        return Rules.IsEmpty ? request.Resource : Find(Rules, request, served);
    }

    private ServedResource? Find(ImmutableArray<ResourceRule> rules, AdmissionRequest request, IReadOnlyList<ServedResource> served)
    {
        var resource = request.Resource;
        if (rules.Any(r => r.Matches(request, resource)))
            return resource;
        if (IsExact)
            return null;
        var equivalents = served.Where(s => s.Storage == resource.Storage && s.ApiVersion != resource.ApiVersion);
        return rules.SelectMany(rule => equivalents.Where(e => rule.Matches(request, e))).FirstOrDefault();
    }

    private bool IsInNamespace(AdmissionRequest request, Func<string, IReadOnlyDictionary<string, string>> labels)
    {
        var isNamespace = request.Resource is { Kind: "Namespace", IsCustom: false };
        if (isNamespace)
            return Namespaces.Matches(Labels(request.Object ?? request.OldObject));
        return request.Namespace.Length == 0 || Namespaces.Matches(labels(request.Namespace));
    }

    private bool IsSelected(AdmissionRequest request) =>
        Objects is { MatchLabels.IsEmpty: true, MatchExpressions.IsEmpty: true }
        || new[] { request.Object, request.OldObject }.Any(o => o is not null && Objects.Matches(Labels(o)));

    private static Dictionary<string, string> Labels(JsonObject? json) =>
        (json?["metadata"].Object("labels") ?? []).ToDictionary(l => l.Key, l => l.Value.AsText() ?? "");

    private static LabelSelector Selector(JsonObject? json) =>
        new()
        {
            MatchLabels = (json.Object("matchLabels") ?? []).ToImmutableSortedDictionary(l => l.Key, l => l.Value.AsText() ?? ""),
            MatchExpressions = [.. json.Objects("matchExpressions").Select(Requirement)],
        };

    private static LabelRequirement Requirement(JsonObject json) =>
        new()
        {
            Key = json.Text("key"),
            Operator = Enum.Parse<LabelOperator>(json.Text("operator")),
            Values = [.. json.Texts("values")],
        };
}
