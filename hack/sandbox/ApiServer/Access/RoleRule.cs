using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Access;

/// <summary>
/// One rule of a role (<c>rbac.authorization.k8s.io/v1 PolicyRule</c>), matched as pkg/registry/rbac/validation and
/// plugin/pkg/auth/authorizer/rbac do.
/// </summary>
internal sealed record RoleRule(
    ImmutableArray<string> Verbs,
    ImmutableArray<string> Groups,
    ImmutableArray<string> Resources,
    ImmutableArray<string> Names,
    ImmutableArray<string> Urls
)
{
    public static RoleRule Of(JsonObject rule) =>
        new(
            [.. rule.Texts("verbs")],
            [.. rule.Texts("apiGroups")],
            [.. rule.Texts("resources")],
            [.. rule.Texts("resourceNames")],
            [.. rule.Texts("nonResourceURLs")]
        );

    public bool Allows(AccessQuestion question)
    {
        if (!Any(Verbs, question.Verb))
            return false;
        if (question.Resource.Length == 0)
            return Urls.Any(u =>
                u == "*" || u == question.Path || (u.EndsWith('*') && question.Path.StartsWith(u.TrimEnd('*'), StringComparison.Ordinal))
            );
        return Any(Groups, question.Group)
            && Resources.Any(r =>
                r == "*" || r == question.FullResource || (question.Subresource.Length > 0 && r == $"*/{question.Subresource}")
            )
            && (Names.IsEmpty || Names.Contains(question.Name));
    }

    private static bool Any(ImmutableArray<string> allowed, string wanted) => allowed.Contains("*") || allowed.Contains(wanted);
}
