using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Reads <c>kubelet_internal_checkpoint</c>, in which the kubelet keeps over its restarts which container has which device (kubernetes
/// <c>pkg/kubelet/cm/devicemanager/checkpoint</c>). The kubelet replaces the file whole, and only when a device plugin sends a list or an
/// Allocate was answered: a pod that is gone stays in it until then.
/// </summary>
public sealed class KubeletCheckpointReader(string directory)
{
    public const string FileName = "kubelet_internal_checkpoint";

    private readonly Lock _gate = new();
    private SocketFile? _written;
    private FrozenDictionary<string, ImmutableArray<string>> _healthy = FrozenDictionary<string, ImmutableArray<string>>.Empty;

    public string Path { get; } = System.IO.Path.Combine(directory, FileName);

    /// <summary>Which container has which device.</summary>
    public CheckpointReading Read()
    {
        try
        {
            return new CheckpointReading.Read(
                Path,
                With(d => Devices(d).GroupBy(e => e.Device).ToFrozenDictionary(g => g.Key, g => g.First().Container))
            );
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new CheckpointReading.Unreadable(
                $"{Path}, which would show that the kubelet forgot it, does not exist yet: the kubelet writes it with "
                    + "the next list of a device plugin"
            );
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            return new CheckpointReading.Unreadable($"{Path}, which would show that the kubelet forgot it, cannot be read: {e.Message}");
        }
    }

    /// <summary>
    /// The IDs of a resource that were healthy in the last list that the kubelet took in, whoever sent it. Empty when nothing can be read.
    /// The file is read only when it was replaced.
    /// </summary>
    public ImmutableArray<string> ReadHealthy(string resource) => ReadHealthy().GetValueOrDefault(resource, []);

    /// <summary>The same of every resource that has such IDs or had them lately.</summary>
    public FrozenDictionary<string, ImmutableArray<string>> ReadHealthy()
    {
        lock (_gate)
        {
            if (SocketFile.Read(Path) is var written && written != _written)
                (_written, _healthy) = (written, ReadAllHealthy());
            return _healthy;
        }
    }

    private FrozenDictionary<string, ImmutableArray<string>> ReadAllHealthy()
    {
        try
        {
            return With(d =>
                d.GetProperty("RegisteredDevices") is { ValueKind: JsonValueKind.Object } all
                    ? all.EnumerateObject().ToFrozenDictionary(r => r.Name, r => Ids(r.Value).ToImmutableArray())
                    : FrozenDictionary<string, ImmutableArray<string>>.Empty
            );
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            return FrozenDictionary<string, ImmutableArray<string>>.Empty;
        }
    }

    private static bool IsUnreadable(Exception e) =>
        e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or KeyNotFoundException;

    private T With<T>(Func<JsonElement, T> read)
    {
        using var file = File.OpenRead(Path);
        using var document = JsonDocument.Parse(file);
        return read(document.RootElement.GetProperty("Data"));
    }

    private static IEnumerable<((string Resource, string Id) Device, string Container)> Devices(JsonElement data)
    {
        var entries = data.GetProperty("PodDeviceEntries");
        if (entries.ValueKind == JsonValueKind.Null)
            yield break; // Go writes an empty slice so
        foreach (var entry in entries.EnumerateArray())
        {
            var container =
                $"container {entry.GetProperty("ContainerName").GetString()} of the pod with UID {entry.GetProperty("PodUID").GetString()}";
            var resource = entry.GetProperty("ResourceName").GetString()!;
            foreach (var id in Ids(entry.GetProperty("DeviceIDs")))
                yield return ((resource, id), container);
        }
    }

    /// <summary>By NUMA node since Kubernetes 1.20, one plain array before.</summary>
    private static IEnumerable<string> Ids(JsonElement ids) =>
        ids.ValueKind switch
        {
            JsonValueKind.Null => [],
            JsonValueKind.Array => ids.EnumerateArray().Select(i => i.GetString()!),
            _ => ids.EnumerateObject()
                .Where(n => n.Value.ValueKind != JsonValueKind.Null)
                .SelectMany(n => n.Value.EnumerateArray())
                .Select(i => i.GetString()!),
        };
}
