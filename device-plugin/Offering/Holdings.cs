using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// Who has what, and who is just getting it: the one place for both. The kubelet's side asks what must stay listed, the allocator what it
/// may give out, applying what it may change; whoever comes first has it, the others are told so. What is asked is answered from an
/// immutable state without waiting; what changes it waits for one lock. Thread-safe.
/// </summary>
/// <param name="ledger">What was given out before; nothing by default.</param>
/// <param name="keep">Writes a new ledger to where it outlives a crash: it is there before anybody reads it here. What it throws is the
/// caller's, and nothing has changed then.</param>
public sealed class Holdings(AllocationLedger? ledger = null, Action<AllocationLedger>? keep = null)
{
    private readonly Lock _gate = new();
    private volatile State _state = new(
        ledger ?? AllocationLedger.Empty,
        null,
        [],
        ImmutableDictionary<DeviceId, int>.Empty,
        ImmutableDictionary<DeviceId, long>.Empty
    );

    /// <summary>Every answer that is not proven returned.</summary>
    public AllocationLedger Ledger => _state.Ledger;

    /// <summary>
    /// When the last look at the holders began, by the agent's clock; null before the first: then nothing is known to be free.
    /// </summary>
    public DateTimeOffset? LookedAt => _state.LookedAt;

    /// <summary>How many answers have ended that may have changed devices: what is planned for is of some such moment.</summary>
    public long Changes => _state.Changes;

    /// <summary>Whether nobody is being answered.</summary>
    public bool IsQuiet => _state.Answers.IsEmpty;

    /// <summary>The resource names under which somebody has something.</summary>
    public IEnumerable<ResourceName> Resources => _state.Ledger.ById.Values.Select(a => ResourceName.Parse(a.Resource)).Distinct();

    /// <summary>Whether somebody has this ID of a resource.</summary>
    public bool IsHeld(ResourceName resource, string id) =>
        _state.Ledger.ById.TryGetValue(id, out var allocation) && allocation.Resource == resource.Value;

    /// <summary>The IDs of a resource that somebody has, for any reason: a pod, an open node, doubt.</summary>
    public ImmutableHashSet<string> HeldOf(ResourceName resource) =>
        [.. _state.Ledger.ById.Values.Where(a => a.Resource == resource.Value).Select(a => a.Id)];

    /// <summary>The IDs of a resource that a call of the kubelet names, or that are still looked at for one.</summary>
    public ImmutableHashSet<string> BeingAnswered(ResourceName resource) =>
        [.. _state.Answers.Where(a => a.Resource == resource).SelectMany(a => a.Ids)];

    /// <summary>The units that an answer is being made for.</summary>
    public IEnumerable<Unit> UnitsBeingAnswered => _state.Answers.SelectMany(a => a.Units);

    /// <summary>Who has, or is just getting, a device.</summary>
    public ImmutableArray<string> UsersOf(ImmutableArray<DeviceId> devices)
    {
        var state = _state;
        return
        [
            .. Getting(devices, state)
                .Concat(devices.SelectMany(d => HoldersOf(d, state.Ledger)).Select(u => u.Description))
                .Distinct(StringComparer.Ordinal),
        ];
    }

    /// <summary>Who was given a device.</summary>
    public ImmutableArray<DeviceUser> HoldersOf(DeviceId device) => HoldersOf(device, _state.Ledger);

    /// <summary>
    /// Who has something of this unit under another resource name, or with another unit, as a sentence; null when nobody has. The kubelet
    /// counts names and IDs alone, so nobody but us keeps such a device from being given out twice.
    /// </summary>
    public string? HeldOtherwise(Unit unit) => HeldOtherwise(unit, _state.Ledger);

    /// <summary>The kubelet asks for these IDs: they count as being answered until the answer is ended.</summary>
    public Answer BeginCall(ResourceName resource, ImmutableArray<string> ids)
    {
        lock (_gate)
            return Begin(resource, ids, []);
    }

    /// <summary>
    /// Begins to make an answer for these units, which nobody else is given or may change until it is ended. Null with why not.
    /// </summary>
    public Answer? TryBeginAnswer(ResourceName resource, ImmutableArray<Unit> units, out Refusal? refusal)
    {
        lock (_gate)
        {
            refusal = units.Select(u => Problem(resource, u)).FirstOrDefault(p => p is not null);
            return refusal is null ? Begin(resource, [.. units.Select(u => u.Id.ToString())], units) : null;
        }
    }

    /// <summary>Notes what is given out, all or nothing. Kept before this returns.</summary>
    public void Record(IEnumerable<Allocation> answers)
    {
        lock (_gate)
            Keep(answers.Aggregate(_state.Ledger, (ledger, answer) => ledger.Record(answer)), _state.LookedAt);
    }

    /// <summary>What was given out before the boot has nothing to be taken up again: its pods are gone.</summary>
    public void Forget(string earlier)
    {
        lock (_gate)
            Keep(_state.Ledger.Forget(earlier), _state.LookedAt);
    }

    /// <summary>A unit is not brought about for anybody before the next boot.</summary>
    public void GiveUp(string id, string why)
    {
        lock (_gate)
            Keep(_state.Ledger.GiveUp(id, why), _state.LookedAt);
    }

    /// <summary>Takes in a look at who has what. The ledgers before and after.</summary>
    /// <param name="asOf">When the look began; null when it proves nothing of who has nothing.</param>
    public (AllocationLedger Before, AllocationLedger After) Look(Func<AllocationLedger, AllocationLedger> look, DateTimeOffset? asOf)
    {
        lock (_gate)
        {
            var before = _state.Ledger;
            var after = look(before);
            Keep(after.HasSame(before) ? before : after, asOf ?? _state.LookedAt);
            return (before, _state.Ledger);
        }
    }

    /// <summary>
    /// From now on nothing of these devices is given out, all or none. Empty when it is so; else who has, or is just getting, one of them,
    /// and nothing changed.
    /// </summary>
    /// <param name="touched">Devices that are closed too, and that somebody may have, but not be just getting.</param>
    /// <param name="asOf"><see cref="Changes"/> before the devices were looked at: what was changed since is another.</param>
    public ImmutableArray<string> TryClose(
        ImmutableArray<DeviceId> devices,
        ImmutableArray<DeviceId> touched = default,
        long asOf = long.MaxValue
    )
    {
        ImmutableArray<DeviceId> all = touched.IsDefaultOrEmpty ? devices : [.. devices.Union(touched)];
        lock (_gate)
        {
            var changed = all.Where(d => _state.ChangedAt.GetValueOrDefault(d) > asOf)
                .Select(d => $"{d} was changed for a pod this moment");
            ImmutableArray<string> users =
            [
                .. UsersOf(devices).Union(Getting(all, _state), StringComparer.Ordinal).Union(changed, StringComparer.Ordinal),
            ];
            if (users.IsEmpty)
                _state = _state with { Closed = all.Aggregate(_state.Closed, (c, d) => c.SetItem(d, c.GetValueOrDefault(d) + 1)) };
            return users;
        }
    }

    /// <summary>Opens what <see cref="TryClose"/> closed.</summary>
    public void Open(ImmutableArray<DeviceId> devices)
    {
        lock (_gate)
            _state = _state with { Closed = devices.Aggregate(_state.Closed, (c, d) => c[d] == 1 ? c.Remove(d) : c.SetItem(d, c[d] - 1)) };
    }

    /// <summary>
    /// Does something that no answer may meet in the middle, short and without waiting for anybody: nothing is begun meanwhile. False when
    /// somebody is being answered, and then nothing is done.
    /// </summary>
    public bool WhileNobodyIsAnswered(Action<AllocationLedger> act)
    {
        lock (_gate)
        {
            if (!IsQuiet)
                return false;
            act(_state.Ledger);
            return true;
        }
    }

    private Answer Begin(ResourceName resource, ImmutableArray<string> ids, ImmutableArray<Unit> units)
    {
        var answer = new Answer(this, resource, ids, units);
        _state = _state with { Answers = _state.Answers.Add(answer) };
        return answer;
    }

    private void Keep(AllocationLedger next, DateTimeOffset? lookedAt)
    {
        if (!ReferenceEquals(next, _state.Ledger))
            keep?.Invoke(next);
        _state = _state with { Ledger = next, LookedAt = lookedAt };
    }

    private static IEnumerable<string> Getting(ImmutableArray<DeviceId> devices, State state) =>
        state
            .Answers.SelectMany(a => a.Units)
            .Where(u => u.Claims.Any(c => devices.Contains(c)))
            .Select(u => $"{u.Id} is being given to a pod this moment");

    private Refusal? Problem(ResourceName resource, Unit unit)
    {
        var id = unit.Id.ToString();
        if (HeldOtherwise(unit) is { } held)
            return new Refusal(Reasons.StillHeld, $"{id} of {resource} cannot be given out: {held}", [id]);
        if (unit.Claims.Any(_state.Closed.ContainsKey))
            return new Refusal(Reasons.Changing, $"{id} of {resource} is being reconfigured right now", [id]);
        return _state.Answers.SelectMany(a => a.Units).Any(u => u.Id == unit.Id || u.Claims.Any(unit.Claims.Contains))
            ? new Refusal(Reasons.InFlight, $"{id} of {resource} is being given to another container this moment", [id])
            : null;
    }

    private static ImmutableArray<DeviceUser> HoldersOf(DeviceId device, AllocationLedger ledger) =>
        [
            .. ledger
                .ById.Values.Where(a => a.Functions.Contains(device))
                .Select(a => new DeviceUser(UserKind.Pod, a.Pod is null ? $"{a.Id} was just given to a pod" : $"pod {a.Pod} has {a.Id}")),
        ];

    private static string? HeldOtherwise(Unit unit, AllocationLedger ledger)
    {
        var id = unit.Id.ToString();
        if (
            ledger.ById.Values.FirstOrDefault(a =>
                (a.Id != id || a.Resource != unit.Resource.Value) && unit.Claims.Any(a.Functions.Contains)
            )
            is not { } other
        )
        {
            return null;
        }

        var pod = other.Pod is null ? "a pod" : $"pod {other.Pod}";
        var what =
            other.Resource != unit.Resource.Value
                ? $"{other.Id} as {other.Resource}"
                : $"{unit.Claims.First(other.Functions.Contains)} with {other.Id}";
        return $"{pod} still has {what}: it can be given out when that pod is gone";
    }

    /// <summary>An answer that is being made, until it is disposed.</summary>
    public sealed class Answer : IDisposable
    {
        private readonly Holdings _owner;

        internal Answer(Holdings owner, ResourceName resource, ImmutableArray<string> ids, ImmutableArray<Unit> units) =>
            (_owner, Resource, Ids, Units) = (owner, resource, ids, units);

        public ResourceName Resource { get; }

        public ImmutableArray<string> Ids { get; }

        /// <summary>What is looked at for it, also when the catalog drops it meanwhile; empty for a call that only waits.</summary>
        public ImmutableArray<Unit> Units { get; }

        public void Dispose()
        {
            lock (_owner._gate)
            {
                var (state, now) = (_owner._state, _owner._state.ChangedAt);
                foreach (var device in Units.Where(u => u.OnAllocate is not null).SelectMany(u => u.Claims))
                    now = now.SetItem(device, state.Changes + 1);
                _owner._state = state with { Answers = state.Answers.Remove(this), ChangedAt = now };
            }
        }
    }

    /// <param name="Closed">How many times each device is closed.</param>
    /// <param name="ChangedAt">The <see cref="Changes"/> by which an answer for each device had ended.</param>
    private sealed record State(
        AllocationLedger Ledger,
        DateTimeOffset? LookedAt,
        ImmutableArray<Answer> Answers,
        ImmutableDictionary<DeviceId, int> Closed,
        ImmutableDictionary<DeviceId, long> ChangedAt
    )
    {
        public long Changes => ChangedAt.Values.DefaultIfEmpty().Max();
    }
}
