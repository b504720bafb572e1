using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hostdev.Sandbox.Kubelet;

/// <summary>
/// <c>kubelet_internal_checkpoint</c> in the shape of the kubelet's (<c>pkg/kubelet/cm/devicemanager/checkpoint</c>): which container has
/// which devices, with the cached answer, and which devices were healthy. The checksum is not the kubelet's.
/// </summary>
internal sealed record KubeletCheckpoint(KubeletCheckpointData Data, long Checksum)
{
    public const string FileName = "kubelet_internal_checkpoint";

    public static KubeletCheckpoint Empty { get; } = new(new KubeletCheckpointData([], []), 0);

    public static KubeletCheckpoint Read(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
            return Empty;
        return JsonSerializer.Deserialize(File.ReadAllText(path), CheckpointJson.Default.KubeletCheckpoint) ?? Empty;
    }

    /// <summary>Replaces the file whole, as the kubelet's file store does.</summary>
    public void Write(string directory)
    {
        var path = Path.Combine(directory, FileName);
        File.WriteAllText(path + ".new", JsonSerializer.Serialize(this, CheckpointJson.Default.KubeletCheckpoint));
        File.Move(path + ".new", path, overwrite: true);
    }
}

internal sealed record KubeletCheckpointData(List<PodDeviceEntry> PodDeviceEntries, Dictionary<string, List<string>> RegisteredDevices);

/// <param name="DeviceIDs">NUMA node to IDs; -1 for devices without one.</param>
/// <param name="AllocResp">The answer of Allocate as protobuf, in base64.</param>
internal sealed record PodDeviceEntry(
    string PodUID,
    string ContainerName,
    string ResourceName,
    Dictionary<string, List<string>> DeviceIDs,
    string AllocResp
);

[JsonSerializable(typeof(KubeletCheckpoint))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
