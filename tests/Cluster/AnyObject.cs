using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Meta;

namespace Hostdev.Tests.Cluster;

/// <summary>An object of any kind as it came over the wire.</summary>
[JsonConverter(typeof(Converter))]
internal sealed record AnyObject(JsonObject Json, ObjectMeta Metadata) : IKubeObject
{
    private static readonly JsonTypeInfo<AnyObject> s_json =
        (JsonTypeInfo<AnyObject>)JsonSerializerOptions.Default.GetTypeInfo(typeof(AnyObject));

    private static readonly KubeResource[] s_resources =
    [
        HostdevKinds.HostDevices.Resource,
        HostdevKinds.SriovPolicies.Resource,
        HostdevKinds.MdevProfiles.Resource,
        HostdevKinds.NodeDeviceStateResource,
        new("", "v1", "Node", "nodes", Namespaced: false),
        new("", "v1", "Pod", "pods", Namespaced: true),
        new("", "v1", "Namespace", "namespaces", Namespaced: false),
        new("", "v1", "ServiceAccount", "serviceaccounts", Namespaced: true),
        new("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", Namespaced: false),
        new("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", Namespaced: false),
        new("rbac.authorization.k8s.io", "v1", "Role", "roles", Namespaced: true),
        new("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", Namespaced: true),
        new("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", Namespaced: false),
        new(
            "admissionregistration.k8s.io",
            "v1",
            "ValidatingAdmissionPolicyBinding",
            "validatingadmissionpolicybindings",
            Namespaced: false
        ),
        new("coordination.k8s.io", "v1", "Lease", "leases", Namespaced: true),
        new("events.k8s.io", "v1", "Event", "events", Namespaced: true),
        new("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", Namespaced: false),
    ];

    /// <param name="name">As RBAC names it: <c>hostdevices.hostdev.io</c>.</param>
    public static KubeKind<AnyObject> Resource(string name) => new(s_resources.Single(r => r.FullName == name), s_json);

    /// <summary>Tokens of a service account: what is created there is not stored.</summary>
    public static KubeKind<AnyObject> Token(string account) =>
        new(new KubeResource("", "v1", "TokenRequest", $"serviceaccounts/{account}/token", Namespaced: true), s_json);

    public static KubeKind<AnyObject> Kind(string kind) => new(s_resources.Single(r => r.Kind == kind), s_json);

    private sealed class Converter : JsonConverter<AnyObject>
    {
        private static readonly JsonTypeInfo<PartialObjectMetadata> s_metadata = PartialObjectMetadata
            .Of(HostdevKinds.NodeDeviceStateResource)
            .Json;

        public override AnyObject Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var json = JsonNode.Parse(ref reader)!.AsObject();
            return new AnyObject(json, json.Deserialize(s_metadata)!.Metadata);
        }

        public override void Write(Utf8JsonWriter writer, AnyObject value, JsonSerializerOptions options) => value.Json.WriteTo(writer);
    }
}
