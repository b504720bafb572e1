namespace Hostdev.Kube.Meta;

/// <summary>
/// An object without what is in it (<c>metav1.PartialObjectMetadata</c>). A kind that is read into this record is asked for as metadata
/// only: the API server sends nothing else.
/// </summary>
public sealed record PartialObjectMetadata : IKubeObject
{
    public ObjectMeta Metadata
    {
        get => field ?? new ObjectMeta();
        init;
    }

    /// <summary>Any kind as its metadata alone.</summary>
    public static KubeKind<PartialObjectMetadata> Of(KubeResource resource) => new(resource, MetaJsonContext.Default.PartialObjectMetadata);
}
