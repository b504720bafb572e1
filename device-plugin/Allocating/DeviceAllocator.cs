using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Offering;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>
/// Hands units out and remembers to whom. The one lock between the kubelet, which wants a device, and applying, which wants to change it:
/// whoever comes first has it, the other is told so. Nothing that may block is done while holding the lock.
/// </summary>
public sealed class DeviceAllocator(
    UnitStateReader reader,
    HostPaths paths,
    IHostCalls calls,
    Journal journal,
    LedgerFile file,
    ReleaseProof proof,
    TimeProvider time
) : IDeviceAllocator, IOfferGate, IPodUsage
{
    private readonly Lock _gate = new();
    private readonly AnsweredNodes _answers = new(reader, time);
    private readonly HashSet<string> _beingRead = new(StringComparer.Ordinal);
    private readonly Dictionary<DeviceId, int> _closed = [];

    // with their units: the catalog may drop them meanwhile
    private readonly Dictionary<string, Unit> _inFlight = new(StringComparer.Ordinal);
    private Catalog _catalog = Catalog.Empty;
    private ImmutableDictionary<Reason, long> _refusedByReason = ImmutableDictionary<Reason, long>.Empty;
    private AllocationLedger _ledger = file.Read().Reopened(time.GetUtcNow());

    /// <summary>Called, from any thread, when a device was given out: from now on somebody must look who has it. Must not block.</summary>
    public Action? Answered { get; set; }

    /// <summary>Asked before anything is given out: why nothing may be now, or null.</summary>
    public Func<Halt?> Refuses { get; set; } = () => null;

    /// <summary>What is offered; swapped whole.</summary>
    public Catalog Catalog
    {
        get
        {
            lock (_gate)
                return _catalog;
        }
        set
        {
            lock (_gate)
                _catalog = value;
        }
    }

    public AllocationLedger Ledger
    {
        get
        {
            lock (_gate)
                return _ledger;
        }
    }

    /// <summary>How many times the kubelet was refused a device since the start, by reason.</summary>
    public ImmutableDictionary<Reason, long> RefusedByReason => _refusedByReason;

    public ValueTask<AllocateOutcome> AllocateAsync(
        ResourceName resource,
        ImmutableArray<string> deviceIds,
        CancellationToken cancellationToken
    )
    {
        var outcome = Allocate(resource, deviceIds, cancellationToken);
        if (outcome is AllocateOutcome.Refused { Refusal.Reason: { } reason })
            ImmutableInterlocked.AddOrUpdate(ref _refusedByReason, reason, 1, (_, count) => count + 1);
        return ValueTask.FromResult(outcome);
    }

    private AllocateOutcome Allocate(ResourceName resource, ImmutableArray<string> deviceIds, CancellationToken cancellationToken)
    {
        if (Begin(resource, deviceIds, out var units) is { } refusal)
            return new AllocateOutcome.Refused(refusal);
        try
        {
            return Answer(resource, units, cancellationToken);
        }
        finally
        {
            lock (_gate)
            {
                foreach (var id in deviceIds)
                    _inFlight.Remove(id);
            }
        }
    }

    public ValueTask<Refusal?> CheckBeforeStartAsync(
        ResourceName resource,
        ImmutableArray<string> deviceIds,
        CancellationToken cancellationToken
    )
    {
        foreach (var id in deviceIds)
        {
            Allocation? recorded;
            lock (_gate)
                recorded = _ledger.ById.GetValueOrDefault(id);
            if (recorded is null)
                return ValueTask.FromResult<Refusal?>(
                    new Refusal(
                        Reasons.NotAllocated,
                        $"{id} of {resource} was not given to this container by this agent: delete the pod, so that it is allocated anew",
                        [id]
                    )
                );
            if (_answers.Changed(recorded) is { } changed)
                return ValueTask.FromResult<Refusal?>(
                    new Refusal(Reasons.AnswerOutdated, $"{changed}: delete the pod, so that it is allocated anew", [id])
                );
        }

        return ValueTask.FromResult<Refusal?>(null);
    }

    /// <summary>Whether a refused ID could be handed out now. Looks at the machine, records nothing.</summary>
    public ValueTask<Refusal?> CheckOfferAsync(ResourceName resource, string deviceId, CancellationToken cancellationToken)
    {
        if (Begin(resource, [deviceId], out var units) is { } refusal)
            return ValueTask.FromResult<Refusal?>(refusal);
        lock (_gate)
        {
            _inFlight.Remove(deviceId);
            // A read that the kernel blocks comes back when it likes: one thread waits for it, not one for each re-check.
            if (!_beingRead.Add(deviceId))
                return ValueTask.FromResult<Refusal?>(
                    new Refusal(
                        Reasons.NotReady,
                        $"{deviceId} of {resource} cannot be given out: the kernel does not answer when its state is read",
                        [deviceId]
                    )
                );
        }

        try
        {
            var state = reader.Read(units[0].Handout);
            return ValueTask.FromResult(Obstacle(units[0], state) is { } obstacle ? Cannot(resource, deviceId, obstacle) : null);
        }
        finally
        {
            lock (_gate)
                _beingRead.Remove(deviceId);
        }
    }

    /// <summary>
    /// Units that must not be offered though they are ready, with the sentence: somebody has them open whose pod the kubelet forgot, a node
    /// of theirs stands in the answer of another device that is not proven back, or a pod still has something of them under another
    /// resource name. The kubelet counts each name by itself, so nobody but us keeps such a device from being given out twice.
    /// </summary>
    public ImmutableDictionary<string, OfferProblem> Reserved(Plan plan, HostInventory inventory)
    {
        var ledger = Ledger;
        return plan
            .Units.Select(u => (Id: u.Id.ToString(), Problem: Problem(u)))
            .Where(t => t.Problem is not null)
            .ToImmutableDictionary(t => t.Id, t => t.Problem!, StringComparer.Ordinal);

        OfferProblem? Problem(Unit unit) =>
            OfferProblem.Of(Reasons.StillHeld, Forgotten(unit.Id.ToString()))
            ?? OfferProblem.Of(Reasons.NodeAnswered, _answers.TakenBy(unit, UnitReadiness.StateOf(unit, inventory), ledger))
            ?? OfferProblem.Of(Reasons.StillHeld, UnderAnotherName(unit, ledger));

        string? Forgotten(string id) =>
            ledger.ById.GetValueOrDefault(id)?.Holder is { } holder
                ? $"{holder}, though the kubelet knows no pod that has {id}: end that process"
                : null;
    }

    public ImmutableArray<string> Prefer(
        ResourceName resource,
        ImmutableArray<string> available,
        ImmutableArray<string> mustInclude,
        int size
    ) => PreferredAllocation.Choose(Catalog.Units, available, mustInclude, size);

    public ImmutableArray<string> TryClose(ImmutableArray<DeviceId> devices)
    {
        lock (_gate)
        {
            var users = _inFlight
                .Where(f => f.Value.Claims.Any(c => devices.Contains(c)))
                .Select(f => $"{f.Key} is being given to a pod this moment")
                .Concat(devices.SelectMany(d => UsersLocked(d)).Select(u => u.Description))
                .Distinct(StringComparer.Ordinal)
                .ToImmutableArray();
            if (!users.IsEmpty)
                return users;
            foreach (var device in devices)
                _closed[device] = _closed.GetValueOrDefault(device) + 1;
            return [];
        }
    }

    public void Open(ImmutableArray<DeviceId> devices)
    {
        lock (_gate)
        {
            foreach (var device in devices)
            {
                if (_closed[device] == 1)
                    _closed.Remove(device);
                else
                    _closed[device]--;
            }
        }
    }

    public ImmutableArray<DeviceUser> UsersOf(DeviceId device)
    {
        lock (_gate)
            return UsersLocked(device);
    }

    /// <summary>
    /// Gives nodes whose owner we changed their owner back when no answer needs it any more, and forgets those that are gone. Not while an
    /// answer is being made, which may be about to set one: the next round comes back to it.
    /// </summary>
    public void RestoreNodes()
    {
        lock (_gate)
        {
            if (_inFlight.Count > 0)
                return;
            var answered = _ledger.ById.Values.SelectMany(a => a.Nodes).Select(n => n.Path).ToHashSet(StringComparer.Ordinal);
            foreach (var (path, owner) in journal.State.Nodes.Where(n => !answered.Contains(n.Key)))
            {
                if (calls.ReadOwner(path).Error.IsSuccess && !calls.SetOwner(path, owner).IsSuccess)
                    continue;
                journal.Append(new JournalRecord.ForgetNode(path));
            }
        }
    }

    /// <summary>Takes in a look at the kubelet. True when something was let go, is new, or is held by another than before.</summary>
    public bool Observe(PodUseReading reading)
    {
        // The machine is read before the lock is taken, and only for what is missing or unknown. What is given out after this look is too
        // young to be let go.
        var devices = reading is PodUseReading.Listed listed ? listed.Devices : [];
        var known = Ledger;
        var learned = devices
            .Where(d => !known.ById.ContainsKey(d.Id))
            .Select(Learn)
            .OfType<Allocation>()
            .ToDictionary(a => a.Id, StringComparer.Ordinal);
        var missing =
            reading is PodUseReading.Listed && known.ById.Values.Any(a => !devices.Any(d => d.Id == a.Id && d.Resource == a.Resource));
        var open = missing ? NodeHolders() : Enumerable.Empty<NodeHolder>().ToLookup(_ => "");
        lock (_gate)
        {
            var (before, after) = (
                _ledger,
                _ledger.Observe(
                    reading,
                    time.GetUtcNow(),
                    proof,
                    d => learned.GetValueOrDefault(d.Id) is { } a && a.Resource == d.Resource ? a : null,
                    a => HolderOf(a, open)
                )
            );
            if (after.ById.Count == before.ById.Count && after.ById.Values.All(a => before.ById.TryGetValue(a.Id, out var b) && b == a))
                return false;
            _ledger = after;
            file.Write(_ledger);
            return !_ledger.ById.Keys.SequenceEqual(before.ById.Keys)
                || _ledger.ById.Values.Any(a => before.ById[a.Id] is var b && (b.Pod != a.Pod || b.Holder != a.Holder));
        }
    }

    private static string? HolderOf(Allocation answer, ILookup<string, NodeHolder> open) =>
        answer.Nodes.SelectMany(n => open[n.Number].Select(h => $"{h} still holds {n.Path} open")).FirstOrDefault();

    private Allocation? Learn(PodUse device) =>
        Catalog.Units.TryGetValue(device.Id, out var unit) && unit.Unit.Resource.Value == device.Resource
            ? _answers.Record(unit.Unit, reader.Read(unit.Unit.Handout))
            : null;

    private ImmutableArray<DeviceUser> UsersLocked(DeviceId device) =>
        [
            .. _ledger
                .ById.Values.Where(a => a.Functions.Contains(device))
                .Select(a => new DeviceUser(UserKind.Pod, a.Pod is null ? $"{a.Id} was just given to a pod" : $"pod {a.Pod} has {a.Id}")),
        ];

    private static string? UnderAnotherName(Unit unit, AllocationLedger ledger) =>
        ledger.ById.Values.FirstOrDefault(a => a.Resource != unit.Resource.Value && unit.Claims.Any(a.Functions.Contains)) is { } other
            ? $"{(other.Pod is null ? "a pod" : $"pod {other.Pod}")} still has {other.Id} as {other.Resource}: it can "
                + "be given out when that pod is gone"
            : null;

    private Refusal? Begin(ResourceName resource, ImmutableArray<string> ids, out List<Unit> units)
    {
        units = [];
        if (Refuses() is { } halt)
            return new Refusal(halt.Reason, $"{string.Join(", ", ids)} of {resource} cannot be given out: {halt.Message}", ids);
        lock (_gate)
        {
            foreach (var id in ids)
            {
                if (!_catalog.Units.TryGetValue(id, out var unit) || unit.Unit.Resource != resource)
                    return new Refusal(Reasons.NotOffered, $"{id} of {resource} is not offered on this node any more", [id]);
                if (unit.Problem is { } problem)
                    return Cannot(resource, id, problem);
                if (UnderAnotherName(unit.Unit, _ledger) is { } held)
                    return new Refusal(Reasons.StillHeld, $"{id} of {resource} cannot be given out: {held}", [id]);
                if (unit.Unit.Claims.Any(_closed.ContainsKey))
                    return new Refusal(Reasons.Changing, $"{id} of {resource} is being reconfigured right now", [id]);
                if (_inFlight.ContainsKey(id))
                    return new Refusal(Reasons.InFlight, $"{id} of {resource} is being given to another container this moment", [id]);
                units.Add(unit.Unit);
            }

            foreach (var unit in units)
                _inFlight[unit.Id.ToString()] = unit;
            return null;
        }
    }

    private AllocateOutcome Answer(ResourceName resource, List<Unit> units, CancellationToken cancellationToken)
    {
        var states = units.Select(u => (Unit: u, State: reader.Read(u.Handout))).ToList();
        foreach (var (unit, state) in states)
        {
            var obstacle = Obstacle(unit, state) ?? OfferProblem.Of(Reasons.NodeOwner, SetOwners(unit, state));
            if (obstacle is not null)
                return new AllocateOutcome.Refused(Cannot(resource, unit.Id.ToString(), obstacle));
        }

        var records = states.Select(s => _answers.Record(s.Unit, s.State)).ToList();
        // Whoever asked was refused by the deadline: nothing of a late answer may stand.
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            foreach (var record in records)
                _ledger = _ledger.Record(record);
            file.Write(_ledger); // on disk before the answer: after a crash the device is known to be out
        }

        Answered?.Invoke();
        return AllocateAnswer.Compose(resource, states);
    }

    private static Refusal Cannot(ResourceName resource, string id, OfferProblem obstacle) =>
        new(obstacle.Reason, $"{id} of {resource} cannot be given out: {obstacle.Message}", [id]);

    /// <summary>Why a unit in this state is given to nobody: the same for an answer and for every look after a refusal.</summary>
    private OfferProblem? Obstacle(Unit unit, UnitState state) =>
        OfferProblem.Of(Reasons.NotReady, state.Problem)
        ?? OfferProblem.Of(Reasons.NodeAnswered, _answers.TakenBy(unit, state, Ledger))
        ?? OfferProblem.Of(Reasons.StillHeld, HeldBy(unit, state));

    private string? HeldBy(Unit unit, UnitState state)
    {
        var holders = NodeHolders();
        return _answers
            .Record(unit, state)
            .Nodes.SelectMany(n => holders[n.Number].Select(h => $"{n.Path} is still held open by {h}"))
            .FirstOrDefault();
    }

    private ILookup<string, NodeHolder> NodeHolders() => new UsageReader(paths, calls, this).NodeHolders();

    // udev may rewrite owners at any time after a bind, so they are set and read back for every answer.
    private string? SetOwners(Unit unit, UnitState state)
    {
        foreach (var node in state.Nodes)
        {
            var now = calls.ReadOwner(node);
            if (!now.Error.IsSuccess)
                return $"{node} is not there ({now.Error})";
            if (unit.DeviceFile is not { } wanted)
                continue;
            var owner = new NodeOwner(wanted.Uid, wanted.Gid, wanted.Mode.Bits);
            if (now.Owner == owner)
                continue;
            journal.Append(new JournalRecord.RecordNode(node, now.Owner.Uid, now.Owner.Gid, now.Owner.Mode));
            var error = calls.SetOwner(node, owner);
            if (!error.IsSuccess || calls.ReadOwner(node).Owner != owner)
                return $"the owner of {node} cannot be set to {owner} ({error})";
        }

        return null;
    }
}
