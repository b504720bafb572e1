using System.Collections.Frozen;
using System.Collections.Immutable;
using static Hostdev.Sandbox.ApiServer.Serving.ProtobufField;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>
/// The fields of what typed clients send in the protobuf form (<c>kubectl create</c> and <c>auth</c>, helm's releases), by their numbers in
/// the <c>generated.proto</c> of <c>k8s.io/api</c> and of apimachinery <c>pkg/apis/meta/v1</c>. What they leave empty and what the server
/// sets is not here.
/// </summary>
internal static class ProtobufKinds
{
    private const string Authorization = "authorization.k8s.io/v1";
    private const string Rbac = "rbac.authorization.k8s.io/v1";

    private static readonly Message s_metadata = new(
        1,
        "metadata",
        [
            new Text(1, "name"),
            new Text(2, "generateName"),
            new Text(3, "namespace"),
            new Text(5, "uid"),
            new Text(6, "resourceVersion"),
            new Map(11, "labels"),
            new Map(12, "annotations"),
        ]
    );

    private static readonly Messages s_rules = new(
        2,
        "rules",
        [
            new Texts(1, "verbs"),
            new Texts(2, "apiGroups"),
            new Texts(3, "resources"),
            new Texts(4, "resourceNames"),
            new Texts(5, "nonResourceURLs"),
        ]
    );

    private static readonly Message s_aggregation = new(
        3,
        "aggregationRule",
        [new Messages(1, "clusterRoleSelectors", [new Map(1, "matchLabels")])]
    );
    private static readonly Messages s_subjects = new(
        2,
        "subjects",
        [new Text(1, "kind"), new Text(2, "apiGroup"), new Text(3, "name"), new Text(4, "namespace")]
    );
    private static readonly Message s_role = new(3, "roleRef", [new Text(1, "apiGroup"), new Text(2, "kind"), new Text(3, "name")]);

    private static readonly Message s_resource = new(
        1,
        "resourceAttributes",
        [
            new Text(1, "namespace"),
            new Text(2, "verb"),
            new Text(3, "group"),
            new Text(4, "version"),
            new Text(5, "resource"),
            new Text(6, "subresource"),
            new Text(7, "name"),
        ]
    );

    private static readonly Message s_path = new(2, "nonResourceAttributes", [new Text(1, "path"), new Text(2, "verb")]);

    private static readonly ImmutableArray<ProtobufField> s_selector =
    [
        new Map(1, "matchLabels"),
        new Messages(2, "matchExpressions", [new Text(1, "key"), new Text(2, "operator"), new Texts(3, "values")]),
    ];

    private static readonly Messages s_containers = new(
        2,
        "containers",
        [
            new Text(1, "name"),
            new Text(2, "image"),
            new Texts(3, "command"),
            new Texts(4, "args"),
            new Text(5, "workingDir"),
            new Messages(6, "ports", [new Text(1, "name"), new Integer(3, "containerPort"), new Text(4, "protocol")]),
            new Messages(7, "env", [new Text(1, "name"), new Text(2, "value")]),
            new Text(14, "imagePullPolicy"),
        ]
    );

    private static readonly Message s_podSpec = new(
        2,
        "spec",
        [s_containers, new Text(3, "restartPolicy"), new Text(8, "serviceAccountName")]
    );

    private static readonly ImmutableArray<ProtobufField> s_template = [s_metadata, s_podSpec];

    private static readonly ImmutableArray<ProtobufField> s_deleteOptions =
    [
        new Optional(1, "gracePeriodSeconds"),
        new Message(2, "preconditions", [new Text(1, "uid"), new Text(2, "resourceVersion")]),
        new Text(4, "propagationPolicy"),
        new Texts(5, "dryRun"),
    ];

    private static readonly Message s_service = new(
        2,
        "spec",
        [
            new Messages(
                1,
                "ports",
                [
                    new Text(1, "name"),
                    new Text(2, "protocol"),
                    new Integer(3, "port"),
                    new IntegerOrText(4, "targetPort"),
                    new Integer(5, "nodePort"),
                ]
            ),
            new Map(2, "selector"),
            new Text(3, "clusterIP"),
            new Text(4, "type"),
            new Text(10, "externalName"),
        ]
    );

    private static readonly Message s_deployment = new(
        2,
        "spec",
        [
            new Optional(1, "replicas"),
            new Message(2, "selector", s_selector),
            new Message(3, "template", s_template),
            new Message(4, "strategy", [new Text(1, "type")]),
        ]
    );

    private static readonly Message s_job = new(
        2,
        "spec",
        [
            new Optional(1, "parallelism"),
            new Optional(2, "completions"),
            new Optional(3, "activeDeadlineSeconds"),
            new Message(6, "template", s_template),
            new Optional(7, "backoffLimit"),
            new Optional(8, "ttlSecondsAfterFinished"),
        ]
    );

    private static readonly Message s_disruption = new(
        2,
        "spec",
        [new IntegerOrText(1, "minAvailable"), new Message(2, "selector", s_selector), new IntegerOrText(3, "maxUnavailable")]
    );

    private static readonly FrozenDictionary<(string ApiVersion, string Kind), ImmutableArray<ProtobufField>> s_kinds = new Dictionary<
        (string ApiVersion, string Kind),
        ImmutableArray<ProtobufField>
    >
    {
        [("v1", "Namespace")] = [s_metadata],
        [("v1", "ServiceAccount")] = [s_metadata],
        [("v1", "Secret")] =
        [
            s_metadata,
            new BytesMap(2, "data"),
            new Text(3, "type"),
            new Map(4, "stringData"),
            new Flag(5, "immutable", MayBeMissing: true),
        ],
        [("v1", "ConfigMap")] =
        [
            s_metadata,
            new Map(2, "data"),
            new BytesMap(3, "binaryData"),
            new Flag(4, "immutable", MayBeMissing: true),
        ],
        [("v1", "Service")] = [s_metadata, s_service],
        [("v1", "DeleteOptions")] = s_deleteOptions,
        [("apps/v1", "Deployment")] = [s_metadata, s_deployment],
        [("batch/v1", "Job")] = [s_metadata, s_job],
        [("policy/v1", "PodDisruptionBudget")] = [s_metadata, s_disruption],
        [("scheduling.k8s.io/v1", "PriorityClass")] =
        [
            s_metadata,
            new Integer(2, "value"),
            new Flag(3, "globalDefault", MayBeMissing: false),
            new Text(4, "description"),
            new Text(5, "preemptionPolicy"),
        ],
        [(Rbac, "ClusterRole")] = [s_metadata, s_rules, s_aggregation],
        [(Rbac, "ClusterRoleBinding")] = [s_metadata, s_subjects, s_role],
        [(Rbac, "Role")] = [s_metadata, s_rules],
        [(Rbac, "RoleBinding")] = [s_metadata, s_subjects, s_role],
        [(Authorization, "SelfSubjectAccessReview")] = [s_metadata, new Message(2, "spec", [s_resource, s_path])],
        [(Authorization, "SubjectAccessReview")] =
        [
            s_metadata,
            new Message(2, "spec", [s_resource, s_path, new Text(3, "user"), new Texts(4, "groups"), new Text(6, "uid")]),
        ],
        [(Authorization, "SelfSubjectRulesReview")] = [s_metadata, new Message(2, "spec", [new Text(1, "namespace")])],
        [("authentication.k8s.io/v1", "SelfSubjectReview")] = [s_metadata],
        [("authentication.k8s.io/v1", "TokenReview")] =
        [
            s_metadata,
            new Message(2, "spec", [new Text(1, "token"), new Texts(2, "audiences")]),
        ],
    }.ToFrozenDictionary();

    /// <summary>What a delete brings; no resource, but named and read as one.</summary>
    public static ServedResource DeleteOptions { get; } = new("", "v1", "DeleteOptions", "", false);

    /// <summary>Empty for a kind that is not read in this form.</summary>
    public static ImmutableArray<ProtobufField> FieldsOf(ServedResource resource) =>
        !resource.IsCustom && s_kinds.TryGetValue((resource.ApiVersion, resource.Kind), out var fields) ? fields : [];
}
