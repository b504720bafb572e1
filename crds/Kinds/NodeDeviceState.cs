using System.Text.Json;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Kinds;

/// <summary>A NodeDeviceState as the node's agent reads it.</summary>
public sealed record NodeDeviceState : IKubeObject
{
    public string ApiVersion { get => field ?? ""; init; }

    public string Kind { get => field ?? ""; init; }

    public ObjectMeta Metadata { get => field ?? new(); init; }

    /// <summary>Null before the operator has projected it, which changes nothing on the node. <see cref="Parsing.NodeDeviceStateReader"/> understands it.</summary>
    public JsonElement? Spec { get; init; }

    public NodeDeviceStateStatus? Status { get; init; }
}
