using System.Collections.Immutable;
using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>
/// Which generation of each policy was Ready here last. The operator halts a rollout where one was and is not any more, and it is told by
/// the status alone: another leader knows as much. A
/// restart of the agent goes on from what stands in the object, a state that was made again from what this agent knows.
/// </summary>
internal sealed class ReadyGenerations
{
    private readonly Lock _gate = new();
    private Dictionary<string, long?> _known = new(StringComparer.Ordinal);

    /// <summary>
    /// Takes in a status, also one that is never written because the next comes at once. What policies it lacks is forgotten.
    /// </summary>
    public void Learn(NodeDeviceStateStatus status)
    {
        lock (_gate)
        {
            var known = new Dictionary<string, long?>(StringComparer.Ordinal);
            foreach (var policy in status.Policies)
            {
                if (policy.Reason == Reasons.Ready)
                    known[policy.Uid] = policy.Generation;
                else if (_known.TryGetValue(policy.Uid, out var before))
                    known[policy.Uid] = before;
            }

            _known = known;
        }
    }

    /// <summary>
    /// The status with what is known, and else with what stands there: 0 for a policy that does not stand there, and nothing for one that
    /// an agent which did not know the field left not Ready. Whether that one was Ready before nobody can tell, so a halt by it stays.
    /// </summary>
    /// <param name="stands">The status in the object, whoever wrote it.</param>
    public NodeDeviceStateStatus Stamp(NodeDeviceStateStatus status, JsonElement? stands)
    {
        lock (_gate)
        {
            var isKnown = status.Policies.All(p => _known.ContainsKey(p.Uid));
            var before = isKnown ? ImmutableDictionary<string, long?>.Empty : NodeDeviceStateReader.ReadReadyGenerations(stands);
            return status with { Policies = [.. status.Policies.Select(p => p with { ReadyGeneration = Of(p, before) })] };
        }
    }

    private long? Of(PolicyResult policy, IReadOnlyDictionary<string, long?> before)
    {
        if (!_known.TryGetValue(policy.Uid, out var ready))
            _known[policy.Uid] = ready = before.TryGetValue(policy.Uid, out var stood) ? stood : 0;
        return policy.Reason == Reasons.Ready ? policy.Generation : ready;
    }
}
