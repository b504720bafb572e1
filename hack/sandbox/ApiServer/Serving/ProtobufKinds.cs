using System.Collections.Frozen;
using System.Collections.Immutable;
using static Hostdev.Sandbox.ApiServer.Serving.ProtobufField;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>
/// The fields of what <c>kubectl create</c> and <c>kubectl auth</c> send in the protobuf form, by their numbers in the <c>generated.proto</c> of <c>k8s.io/api</c> core/v1,
/// rbac/v1, authorization/v1 and authentication/v1, and of apimachinery <c>pkg/apis/meta/v1</c>. What kubectl leaves empty and what the server sets is not here.
/// </summary>
internal static class ProtobufKinds
{
    private const string Authorization = "authorization.k8s.io/v1";
    private const string Rbac = "rbac.authorization.k8s.io/v1";

    private static readonly Message s_metadata = new(1, "metadata", [new Text(1, "name"), new Text(2, "generateName"), new Text(3, "namespace"), new Map(11, "labels"), new Map(12, "annotations")]);

    private static readonly Messages s_rules = new(2, "rules",
        [new Texts(1, "verbs"), new Texts(2, "apiGroups"), new Texts(3, "resources"), new Texts(4, "resourceNames"), new Texts(5, "nonResourceURLs")]);

    private static readonly Message s_aggregation = new(3, "aggregationRule", [new Messages(1, "clusterRoleSelectors", [new Map(1, "matchLabels")])]);
    private static readonly Messages s_subjects = new(2, "subjects", [new Text(1, "kind"), new Text(2, "apiGroup"), new Text(3, "name"), new Text(4, "namespace")]);
    private static readonly Message s_role = new(3, "roleRef", [new Text(1, "apiGroup"), new Text(2, "kind"), new Text(3, "name")]);

    private static readonly Message s_resource = new(1, "resourceAttributes",
    [
        new Text(1, "namespace"), new Text(2, "verb"), new Text(3, "group"), new Text(4, "version"), new Text(5, "resource"), new Text(6, "subresource"), new Text(7, "name"),
    ]);

    private static readonly Message s_path = new(2, "nonResourceAttributes", [new Text(1, "path"), new Text(2, "verb")]);

    private static readonly FrozenDictionary<(string ApiVersion, string Kind), ImmutableArray<ProtobufField>> s_kinds =
        new Dictionary<(string ApiVersion, string Kind), ImmutableArray<ProtobufField>>
        {
            [("v1", "Namespace")] = [s_metadata],
            [("v1", "ServiceAccount")] = [s_metadata],
            [(Rbac, "ClusterRole")] = [s_metadata, s_rules, s_aggregation],
            [(Rbac, "ClusterRoleBinding")] = [s_metadata, s_subjects, s_role],
            [(Rbac, "Role")] = [s_metadata, s_rules],
            [(Rbac, "RoleBinding")] = [s_metadata, s_subjects, s_role],
            [(Authorization, "SelfSubjectAccessReview")] = [s_metadata, new Message(2, "spec", [s_resource, s_path])],
            [(Authorization, "SubjectAccessReview")] = [s_metadata, new Message(2, "spec", [s_resource, s_path, new Text(3, "user"), new Texts(4, "groups"), new Text(6, "uid")])],
            [(Authorization, "SelfSubjectRulesReview")] = [s_metadata, new Message(2, "spec", [new Text(1, "namespace")])],
            [("authentication.k8s.io/v1", "SelfSubjectReview")] = [s_metadata],
        }.ToFrozenDictionary();

    /// <summary>Empty for a kind that is not read in this form.</summary>
    public static ImmutableArray<ProtobufField> FieldsOf(ServedResource resource) =>
        !resource.IsCustom && s_kinds.TryGetValue((resource.ApiVersion, resource.Kind), out var fields) ? fields : [];
}
