using System.Text.Json;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Kinds;

/// <summary>
/// A NodeDeviceState as the node's agent reads it. Whatever stands in its status, the object can be read: what an agent of another version
/// wrote there must not keep this one from its spec, nor from writing the status that mends it.
/// </summary>
public sealed record NodeDeviceState : IKubeObject
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
    /// Null before the operator has projected it, which changes nothing on the node. <see cref="NodeDeviceStateReader"/> understands it.
    /// </summary>
    public JsonElement? Spec { get; init; }

    /// <summary>The status as it stands there, word for word, whoever wrote it; null while there is none.</summary>
    [JsonPropertyName("status")]
    public JsonElement? StatusText { get; init; }

    /// <summary>Null before an agent has reported, and where this version cannot read what stands there. Read anew each time.</summary>
    [JsonIgnore]
    public NodeDeviceStateStatus? Status => NodeDeviceStateReader.ReadStatus(StatusText);
}
