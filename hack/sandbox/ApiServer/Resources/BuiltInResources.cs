using System.Collections.Immutable;

namespace Hostdev.Sandbox.ApiServer.Resources;

/// <summary>What every cluster has, as far as an operator, its agents and kubectl touch it.</summary>
internal static class BuiltInResources
{
    public static readonly StorageKey Namespaces = new("", "namespaces");
    public static readonly StorageKey Definitions = new("apiextensions.k8s.io", "customresourcedefinitions");
    public static readonly StorageKey ClusterRoles = new("rbac.authorization.k8s.io", "clusterroles");
    public static readonly StorageKey ClusterRoleBindings = new("rbac.authorization.k8s.io", "clusterrolebindings");
    public static readonly StorageKey Roles = new("rbac.authorization.k8s.io", "roles");
    public static readonly StorageKey RoleBindings = new("rbac.authorization.k8s.io", "rolebindings");
    public static readonly StorageKey Policies = new(Admission, "validatingadmissionpolicies");
    public static readonly StorageKey PolicyBindings = new(Admission, "validatingadmissionpolicybindings");

    private const string Apps = "apps";
    private const string Authentication = "authentication.k8s.io";
    private const string Authorization = "authorization.k8s.io";
    private const string Rbac = "rbac.authorization.k8s.io";
    private const string Admission = "admissionregistration.k8s.io";

    public static ImmutableArray<ServedResource> All { get; } =
    [
        new("", "v1", "Namespace", "namespaces", false) { ShortNames = ["ns"], HasStatus = true },
        new("", "v1", "Node", "nodes", false) { ShortNames = ["no"], HasStatus = true },
        new("", "v1", "Pod", "pods", true)
        {
            ShortNames = ["po"],
            Categories = ["all"],
            HasStatus = true,
            HasLog = true,
            ReturnsDeleted = true,
        },
        new("", "v1", "ServiceAccount", "serviceaccounts", true) { ShortNames = ["sa"], ReturnsDeleted = true },
        new("", "v1", "ConfigMap", "configmaps", true) { ShortNames = ["cm"] },
        new("", "v1", "Secret", "secrets", true),
        new("", "v1", "Service", "services", true)
        {
            ShortNames = ["svc"],
            Categories = ["all"],
            HasStatus = true,
            ReturnsDeleted = true,
        },
        new("", "v1", "Event", "events", true) { ShortNames = ["ev"] },
        new("events.k8s.io", "v1", "Event", "events", true) { ShortNames = ["ev"], Storage = new StorageKey("", "events") },
        new("coordination.k8s.io", "v1", "Lease", "leases", true),
        new("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false)
        {
            ShortNames = ["crd", "crds"],
            Categories = ["api-extensions"],
            HasStatus = true,
            CountsGenerations = true,
        },
        new(Rbac, "v1", "ClusterRole", "clusterroles", false),
        new(Rbac, "v1", "ClusterRoleBinding", "clusterrolebindings", false),
        new(Rbac, "v1", "Role", "roles", true),
        new(Rbac, "v1", "RoleBinding", "rolebindings", true),
        new(Admission, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", false)
        {
            Categories = ["api-extensions"],
            HasStatus = true,
            CountsGenerations = true,
        },
        new(Admission, "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", false)
        {
            Categories = ["api-extensions"],
            CountsGenerations = true,
        },
        new(Apps, "v1", "Deployment", "deployments", true)
        {
            ShortNames = ["deploy"],
            Categories = ["all"],
            HasStatus = true,
            CountsGenerations = true,
        },
        new(Apps, "v1", "DaemonSet", "daemonsets", true)
        {
            ShortNames = ["ds"],
            Categories = ["all"],
            HasStatus = true,
            CountsGenerations = true,
        },
        new(Apps, "v1", "ReplicaSet", "replicasets", true)
        {
            ShortNames = ["rs"],
            Categories = ["all"],
            HasStatus = true,
            CountsGenerations = true,
        },
        new("batch", "v1", "Job", "jobs", true)
        {
            Categories = ["all"],
            HasStatus = true,
            CountsGenerations = true,
        },
        new("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true)
        {
            ShortNames = ["pdb"],
            HasStatus = true,
            CountsGenerations = true,
        },
        new("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true) { ShortNames = ["netpol"], CountsGenerations = true },
        new("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false) { ShortNames = ["pc"] },
        Review(Authorization, "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
        Review(Authorization, "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
        Review(Authorization, "SubjectAccessReview", "subjectaccessreviews"),
        Review(Authentication, "SelfSubjectReview", "selfsubjectreviews"),
        Review(Authentication, "TokenReview", "tokenreviews"),
    ];

    /// <summary>Answered, and never stored.</summary>
    private static ServedResource Review(string group, string kind, string plural) =>
        new(group, "v1", kind, plural, false) { Verbs = ["create"] };
}
