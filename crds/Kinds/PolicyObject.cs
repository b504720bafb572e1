using System.Text.Json;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Kinds;

/// <summary>A HostDevice, SriovPolicy or MdevProfile as the API server keeps it.</summary>
public sealed record PolicyObject : IKubeObject
{
    public string ApiVersion
    {
        get => field ?? "";
        init;
    }

    public string Kind
    {
        get => field ?? "";
        init;
    }

    public ObjectMeta Metadata
    {
        get => field ?? new();
        init;
    }

    /// <summary>
    /// As it was read: a field that this version does not know is passed on to the nodes, never dropped. Undefined where the object has
    /// none. <see cref="Parsing.PolicyReader"/> understands it.
    /// </summary>
    public JsonElement Spec { get; init; }

    public PolicyStatus? Status { get; init; }
}
