using System.Collections.Frozen;
using System.Text.Json;
using Hostdev.DevicePlugin.Advertising;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Reads <c>kubelet_internal_checkpoint</c>, in which the kubelet keeps over its restarts which container has which device (kubernetes
/// <c>pkg/kubelet/cm/devicemanager/checkpoint</c>). The kubelet replaces the file whole, and only when a device plugin sends a list or an Allocate was answered: a pod that
/// is gone stays in it until then.
/// </summary>
public sealed class KubeletCheckpointReader(string directory)
{
    public const string FileName = "kubelet_internal_checkpoint";

    private readonly string _path = Path.Combine(directory, FileName);

    public CheckpointReading Read()
    {
        try
        {
            using var file = File.OpenRead(_path);
            using var document = JsonDocument.Parse(file);
            return new CheckpointReading.Read(_path, Devices(document.RootElement.GetProperty("Data")).GroupBy(d => d.Device).ToFrozenDictionary(g => g.Key, g => g.First().Container));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new CheckpointReading.Unreadable($"{_path}, which would show that the kubelet forgot it, does not exist yet: the kubelet writes it with the next list of a device plugin");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return new CheckpointReading.Unreadable($"{_path}, which would show that the kubelet forgot it, cannot be read: {e.Message}");
        }
    }

    private static IEnumerable<((string Resource, string Id) Device, string Container)> Devices(JsonElement data)
    {
        var entries = data.GetProperty("PodDeviceEntries");
        if (entries.ValueKind == JsonValueKind.Null) yield break; // Go writes an empty slice so
        foreach (var entry in entries.EnumerateArray())
        {
            var container = $"container {entry.GetProperty("ContainerName").GetString()} of the pod with UID {entry.GetProperty("PodUID").GetString()}";
            var resource = entry.GetProperty("ResourceName").GetString()!;
            foreach (var id in Ids(entry.GetProperty("DeviceIDs"))) yield return ((resource, id), container);
        }
    }

    /// <summary>By NUMA node since Kubernetes 1.20, one plain array before.</summary>
    private static IEnumerable<string> Ids(JsonElement ids) => ids.ValueKind switch
    {
        JsonValueKind.Null => [],
        JsonValueKind.Array => ids.EnumerateArray().Select(i => i.GetString()!),
        _ => ids.EnumerateObject().Where(n => n.Value.ValueKind != JsonValueKind.Null).SelectMany(n => n.Value.EnumerateArray()).Select(i => i.GetString()!),
    };
}
