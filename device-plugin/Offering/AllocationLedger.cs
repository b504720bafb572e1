using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// Who was given what, until every proof of the contract says that it came back (contracts/kubelet.md, "Pod-resources API").
/// </summary>
public sealed record AllocationLedger(ImmutableSortedDictionary<string, Allocation> ById)
{
    public static AllocationLedger Empty { get; } = new(ImmutableSortedDictionary.Create<string, Allocation>(StringComparer.Ordinal));

    /// <summary>
    /// What was given out in an earlier boot and is not taken up again yet: the kubelet may start those pods on the answers that they got
    /// then (contracts/kubelet.md, "What breaks a kubelet, or a pod").
    /// </summary>
    public ImmutableSortedDictionary<string, Allocation> Earlier { get; init; } =
        ImmutableSortedDictionary.Create<string, Allocation>(StringComparer.Ordinal);

    /// <summary>Units that are not brought about for anybody before the next boot, with why.</summary>
    public ImmutableSortedDictionary<string, string> GivenUp { get; init; } =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>The devices of each unit that a pod has, or had before the boot and may be started with again.</summary>
    public ImmutableDictionary<DeviceId, ImmutableArray<DeviceId>> GivenDevices =>
        ById
            .Values.Concat(Earlier.Values.Where(a => !ById.ContainsKey(a.Id)))
            .Where(a => !a.IsToken)
            .ToImmutableDictionary(a => DeviceId.Parse(a.Id), a => a.Functions);

    /// <summary>The IDs of units that somebody has: tokens stand for no device.</summary>
    public IEnumerable<DeviceId> Units => ById.Values.Where(a => !a.IsToken).Select(a => DeviceId.Parse(a.Id));

    /// <summary>The IDs that somebody has, or had before the boot and may have still.</summary>
    public ImmutableHashSet<string> Held => [.. ById.Keys, .. Earlier.Keys];

    /// <summary>Whether it says the same of the same IDs.</summary>
    public bool HasSame(AllocationLedger other) =>
        AreSame(ById, other.ById) && AreSame(Earlier, other.Earlier) && GivenUp.SequenceEqual(other.GivenUp);

    public AllocationLedger Record(Allocation allocation) =>
        this with
        {
            ById = ById.SetItem(allocation.Id, allocation),
            Earlier = Earlier.Remove(allocation.Id),
        };

    /// <summary>What was given out before the boot has nothing to be taken up again.</summary>
    public AllocationLedger Forget(string earlier) => this with { Earlier = Earlier.Remove(earlier) };

    public AllocationLedger GiveUp(string id, string why) => this with { GivenUp = GivenUp.SetItem(id, why) };

    /// <summary>
    /// The ledger as a new process finds it: every proof begins anew. The clock may have been set meanwhile, and nobody looked, so no time
    /// that was written down counts.
    /// </summary>
    public AllocationLedger Reopened(DateTimeOffset now) =>
        this with
        {
            ById = ById.ToImmutableSortedDictionary(
                a => a.Key,
                a => a.Value with { AnsweredAt = now, AbsentSince = null },
                StringComparer.Ordinal
            ),
        };

    /// <summary>
    /// Takes in one look at the kubelet. A list shows use; what it lacks is let go only when every other proof holds too.
    /// </summary>
    /// <param name="known">Makes an entry for an ID that the kubelet shows in use and we do not know, for example after our state was lost;
    /// null for an ID that is not ours.</param>
    /// <param name="holder">Who has a node of this answer open, as words; null when nobody has. Asked only about entries that the list
    /// lacks.</param>
    public AllocationLedger Observe(
        PodUseReading reading,
        DateTimeOffset now,
        ReleaseProof proof,
        Func<PodUse, Allocation?> known,
        Func<Allocation, string?> holder
    ) =>
        reading switch
        {
            PodUseReading.Unreadable unreadable => this with
            {
                ById = ById.ToImmutableSortedDictionary(
                    a => a.Key,
                    a => a.Value.Lacks is null ? a.Value : a.Value with { AbsentSince = null, Lacks = unreadable.Message },
                    StringComparer.Ordinal
                ),
            },
            PodUseReading.Listed listed => Observe(listed, now, proof, known, holder),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    private AllocationLedger Observe(
        PodUseReading.Listed reading,
        DateTimeOffset now,
        ReleaseProof proof,
        Func<PodUse, Allocation?> known,
        Func<Allocation, string?> holder
    )
    {
        var result = ById.ToBuilder();
        foreach (var device in reading.Devices)
        {
            // Other plugins use PCI addresses as IDs too: an ID is ours only under our resource name.
            var entry = result.GetValueOrDefault(device.Id) is { } ours && ours.Resource == device.Resource ? ours : known(device);
            if (entry is not null)
                result[device.Id] = entry with { Pod = device.Pod, AbsentSince = null, Holder = null, Lacks = null };
        }

        var present = reading.Devices.Select(d => (d.Resource, d.Id)).ToHashSet();
        foreach (var entry in ById.Values.Where(e => !present.Contains((e.Resource, e.Id))))
        {
            var absent = entry with { AbsentSince = reading.Doubt is null ? entry.AbsentSince ?? now : null };
            var held = holder(absent);
            var lacks = held is null
                ? reading.Doubt ?? AgeLacks(absent, now, proof) ?? CheckpointLacks(absent, reading.Checkpoint)
                : $"the kubelet's list lacks it, but {held}";
            if (lacks is null)
                result.Remove(entry.Id);
            else
                result[entry.Id] = absent with { Holder = reading.Doubt is null ? held : null, Lacks = lacks };
        }

        return this with
        {
            ById = result.ToImmutable(),
        };
    }

    private static bool AreSame(ImmutableSortedDictionary<string, Allocation> one, ImmutableSortedDictionary<string, Allocation> other) =>
        one.Count == other.Count && one.Values.All(a => other.TryGetValue(a.Id, out var b) && b == a);

    private static string? AgeLacks(Allocation entry, DateTimeOffset now, ReleaseProof proof)
    {
        if (now - entry.AnsweredAt < proof.UnseenGrace)
            return $"the kubelet's list lacks it, which proves nothing in the first {Seconds(proof.UnseenGrace)} after it "
                + "was given out or this agent was started";
        return now - entry.AbsentSince < proof.Absence
            ? $"the kubelet's list lacks it; a list at least {Seconds(proof.Absence)} later must lack it too"
            : null;
    }

    private static string? CheckpointLacks(Allocation entry, CheckpointReading checkpoint) =>
        checkpoint switch
        {
            CheckpointReading.Unreadable unreadable => unreadable.Message,
            CheckpointReading.Read read when read.Devices.TryGetValue((entry.Resource, entry.Id), out var container) =>
                $"the kubelet's list lacks it, but {read.Path} still names it for {container}",
            _ => null,
        };

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.#} s");
}
