using Hostdev.Kube.Meta;

namespace Hostdev.Kube.Control;

/// <summary>An object that something is said about.</summary>
public sealed record ObjectReference(string ApiVersion, string Kind, string Name, string? Namespace, string? Uid)
{
    public static ObjectReference To(KubeResource resource, ObjectMeta metadata) =>
        new(resource.ApiVersion, resource.Kind, metadata.Name, metadata.Namespace, metadata.Uid);
}
