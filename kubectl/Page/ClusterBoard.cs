using System.Collections.Immutable;
using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;

namespace Hostdev.Kubectl.Page;

/// <summary>
/// From objects as they are seen to what the <see cref="Board"/> has: nodes with their devices, policies, and pods that wait. It decides
/// nothing: all of it are the answers that the other verbs give. Thread-safe.
/// </summary>
internal sealed class ClusterBoard(Board board)
{
    private const int MostOfPod = 20; // rows in each list of a pod's answer: as many as why prints

    private readonly Lock _gate = new();
    private readonly Dictionary<string, NodeReading> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ImmutableArray<DeviceRow>> _rows = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Kind, string Name), PolicyObject> _policies = [];
    private readonly Dictionary<ObjectKey, PodSight> _pods = [];
    private readonly Dictionary<ObjectKey, PodView> _pending = [];
    private readonly HashSet<ObjectKey> _waiting = [];
    private bool _isDirty;

    public void See(NodeDeviceState state)
    {
        var reading = NodeReading.Of(state);
        lock (_gate)
        {
            (_nodes[reading.Node], _rows[reading.Node], _isDirty) = (reading, NodeDevices.Of(reading), true);
            Show(reading);
        }
    }

    public void LoseNode(ObjectKey key)
    {
        lock (_gate)
        {
            _nodes.Remove(key.Name);
            _rows.Remove(key.Name);
            _isDirty = true;
            board.Remove($"node/{key.Name}");
        }
    }

    public void See(string kind, PolicyObject policy)
    {
        lock (_gate)
        {
            (_policies[(kind, policy.Metadata.Name)], _isDirty) = (policy, true);
            board.Put(
                $"policy/{kind}/{policy.Metadata.Name}",
                JsonSerializer.Serialize(PolicyPicture.Of(kind, policy), PageJsonContext.Default.PolicyPicture)
            );
        }
    }

    public void LosePolicy(string kind, ObjectKey key)
    {
        lock (_gate)
        {
            _policies.Remove((kind, key.Name));
            _isDirty = true;
            board.Remove($"policy/{kind}/{key.Name}");
        }
    }

    /// <summary>A pod of a VM: which one it is stands with the devices that it has.</summary>
    public void See(PartialObjectMetadata pod)
    {
        lock (_gate)
        {
            var (key, sight) = (ObjectKey.Of(pod), PodSight.Of(pod.Metadata));
            if (_pods.TryGetValue(key, out var known) && known == sight)
                return;
            _pods[key] = sight;
            ShowNodesOf(key);
        }
    }

    public void LosePod(ObjectKey key)
    {
        lock (_gate)
        {
            if (_pods.Remove(key))
                ShowNodesOf(key);
        }
    }

    /// <summary>A pod that is pending.</summary>
    public void See(PodView pod)
    {
        lock (_gate)
        {
            if (pod.Requests().IsEmpty)
                return;
            (_pending[ObjectKey.Of(pod)], _isDirty) = (pod, true);
        }
    }

    public void LosePending(ObjectKey key)
    {
        lock (_gate)
            _isDirty |= _pending.Remove(key);
    }

    /// <summary>Says anew what pods wait for, where something has changed that may have to do with it. It looks at all nodes, and is
    /// therefore not done for each change.</summary>
    public void ShowWaiting()
    {
        lock (_gate)
        {
            if (!_isDirty)
                return;
            _isDirty = false;
            var now = new HashSet<ObjectKey>();
            foreach (var alike in _pending.GroupBy(p => string.Join(',', p.Value.Requests().Select(r => $"{r.Key}={r.Value}"))))
            {
                var wanted = new WantedResources(alike.First().Value.Requests());
                foreach (var node in _nodes.Values)
                    wanted.Add(node);
                foreach (var ((kind, _), policy) in _policies)
                    wanted.Add(kind, policy);
                var wants = wanted.Result();
                if (!wants.Any(w => w.IsOurs))
                    continue;
                foreach (var (key, pod) in alike)
                {
                    now.Add(key);
                    var reason = PodReason.Of(pod, wants, []).First(MostOfPod);
                    board.Put($"pod/{key}", JsonSerializer.Serialize(reason, PageJsonContext.Default.PodReason));
                }
            }

            foreach (var key in _waiting.Except(now))
                board.Remove($"pod/{key}");
            _waiting.Clear();
            _waiting.UnionWith(now);
        }
    }

    /// <param name="of">Of which part of the page; one sentence each.</param>
    /// <param name="sentence">Null where nothing is lacking any more.</param>
    public void Note(string of, string? sentence)
    {
        if (sentence is null)
            board.Remove($"notice/{of}");
        else
            board.Put($"notice/{of}", JsonSerializer.Serialize(new Notice(sentence), PageJsonContext.Default.Notice));
    }

    public void About(string cluster, string version)
    {
        ImmutableArray<DeviceUse> order =
        [
            DeviceUse.Blocked,
            DeviceUse.Unhealthy,
            DeviceUse.Waiting,
            DeviceUse.Returning,
            DeviceUse.Releasing,
            DeviceUse.Cordoned,
            DeviceUse.Allocated,
            DeviceUse.Free,
            DeviceUse.Held,
            DeviceUse.Host,
        ];
        var about = new AboutPage(cluster, version, [.. order.Select(u => new StateWord(u.ToString(), DeviceUses.Meaning(u)))]);
        board.Put("about", JsonSerializer.Serialize(about, PageJsonContext.Default.AboutPage));
    }

    private void ShowNodesOf(ObjectKey pod)
    {
        foreach (var (node, rows) in _rows)
        {
            if (rows.Any(r => r.PodKey == pod))
                Show(_nodes[node]);
        }
    }

    private void Show(NodeReading reading)
    {
        ImmutableArray<DeviceRow> rows =
        [
            .. _rows[reading.Node].Select(r => r.PodKey is { } key && _pods.TryGetValue(key, out var pod) ? r.With(pod) : r),
        ];
        board.Put($"node/{reading.Node}", JsonSerializer.Serialize(NodePicture.Of(reading, rows), PageJsonContext.Default.NodePicture));
    }
}
