using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Controllers;

/// <summary>
/// What every cluster has from its first moment (plugin/pkg/auth/authorizer/rbac/bootstrappolicy, as far as our clients need it).
/// </summary>
internal static class ClusterBootstrap
{
    public static void Create(ClusterObjects objects)
    {
        foreach (var name in new[] { "default", "kube-system", "kube-public", "kube-node-lease" })
            objects.Create(Object("v1", "Namespace", name));
        objects.Create(
            Role(
                "cluster-admin",
                new JsonObject
                {
                    ["verbs"] = T("*"),
                    ["apiGroups"] = T("*"),
                    ["resources"] = T("*"),
                },
                new JsonObject { ["verbs"] = T("*"), ["nonResourceURLs"] = T("*") }
            )
        );
        objects.Create(
            Role(
                "system:discovery",
                Paths(
                    "/api",
                    "/api/*",
                    "/apis",
                    "/apis/*",
                    "/healthz",
                    "/livez",
                    "/openapi",
                    "/openapi/*",
                    "/readyz",
                    "/version",
                    "/version/"
                )
            )
        );
        objects.Create(
            Role(
                "system:basic-user",
                new JsonObject
                {
                    ["verbs"] = T("create"),
                    ["apiGroups"] = T("authorization.k8s.io"),
                    ["resources"] = T("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
                },
                new JsonObject
                {
                    ["verbs"] = T("create"),
                    ["apiGroups"] = T("authentication.k8s.io"),
                    ["resources"] = T("selfsubjectreviews"),
                }
            )
        );
        objects.Create(Binding("cluster-admin", "system:masters"));
        objects.Create(Binding("system:discovery", "system:authenticated"));
        objects.Create(Binding("system:basic-user", "system:authenticated"));
        objects.Create(Priority("system-cluster-critical", 2_000_000_000));
        objects.Create(Priority("system-node-critical", 2_000_001_000));
    }

    private static JsonObject Role(string name, params JsonObject[] rules)
    {
        var role = Object("rbac.authorization.k8s.io/v1", "ClusterRole", name);
        role["rules"] = new JsonArray([.. rules]);
        return role;
    }

    private static JsonObject Binding(string role, string group)
    {
        var binding = Object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", role);
        binding["roleRef"] = new JsonObject
        {
            ["apiGroup"] = "rbac.authorization.k8s.io",
            ["kind"] = "ClusterRole",
            ["name"] = role,
        };
        binding["subjects"] = new JsonArray(
            new JsonObject
            {
                ["apiGroup"] = "rbac.authorization.k8s.io",
                ["kind"] = "Group",
                ["name"] = group,
            }
        );
        return binding;
    }

    private static JsonObject Priority(string name, int value)
    {
        var priority = Object("scheduling.k8s.io/v1", "PriorityClass", name);
        priority["value"] = value;
        return priority;
    }

    private static JsonObject Paths(params string[] paths) => new() { ["verbs"] = T("get"), ["nonResourceURLs"] = T(paths) };

    private static JsonObject Object(string apiVersion, string kind, string name) =>
        new()
        {
            ["apiVersion"] = apiVersion,
            ["kind"] = kind,
            ["metadata"] = new JsonObject { ["name"] = name },
        };

    private static JsonArray T(params string[] texts) => new([.. texts.Select(t => (JsonNode)t)]);
}
