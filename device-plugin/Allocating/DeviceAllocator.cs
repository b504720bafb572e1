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
/// Hands units out: looks at the machine for each question of the kubelet's, and takes in what the kubelet says of its pods. Who has what
/// is <see cref="Holdings"/>', which it asks before each answer and tells of each.
/// </summary>
public sealed class DeviceAllocator(
    UnitStateReader reader,
    HostPaths paths,
    IHostCalls calls,
    Journal journal,
    Holdings holdings,
    ReleaseProof proof,
    TimeProvider time,
    KernelThreads threads,
    PlanExecutor executor,
    UsageReader usage,
    PodUsage pods
) : IDeviceAllocator
{
    /// <summary>How long the kubelet is waited for, which waits for this answer itself.</summary>
    private static readonly TimeSpan KubeletsTime = TimeSpan.FromSeconds(1);

    private readonly AnsweredNodes _answers = new(reader, time);
    private readonly TokenAnswers _tokens = new(holdings, time);
    private readonly LateUnits _late = new(reader, holdings, executor);
    private readonly NodeOwners _owners = new(calls, journal);
    private readonly NodeHolderReader _holders = new(paths, calls, threads, time);
    private readonly KernelCalls<KubeletCall> _kernel = new(threads, "kubelet call", time);
    private EarlierAnswers? _earlier;
    private volatile Catalog _catalog = Catalog.Empty;
    private volatile UnpairedTokens _unpaired = UnpairedTokens.None;
    private ImmutableDictionary<Reason, long> _refusedByReason = ImmutableDictionary<Reason, long>.Empty;

    /// <summary>Called, from any thread, when a device was given out: from now on somebody must look who has it. Must not block.</summary>
    public Action? Answered { get; set; }

    /// <summary>Asked before anything is given out: why nothing may be now, or null.</summary>
    public Func<Halt?> Refuses { get; set; } = () => null;

    /// <summary>Asks the kubelet who has what, before something is taken for an answer; null where there is none to ask.</summary>
    public Func<CancellationToken, Task<PodUseReading>>? AsksKubelet { get; set; }

    /// <summary>Called, on the thread of the answer, before anything of the host is changed for it.</summary>
    public Action BeforeWrites { get; set; } = () => { };

    /// <summary>What is offered; swapped whole.</summary>
    public Catalog Catalog
    {
        get => _catalog;
        set => _catalog = value;
    }

    public AllocationLedger Ledger => holdings.Ledger;

    /// <summary>Pods that ask for companions in another number than for what these go with.</summary>
    public ImmutableArray<Finding> Unpaired => _unpaired.Findings;

    /// <summary>How many times the kubelet was refused a device since the start, by reason.</summary>
    public ImmutableDictionary<Reason, long> RefusedByReason => _refusedByReason;

    public async ValueTask<AllocateOutcome> AllocateAsync(
        ResourceName resource,
        ImmutableArray<string> deviceIds,
        CancellationToken cancellationToken
    )
    {
        var outcome = await AskAsync(
                "giving out",
                resource,
                deviceIds,
                () => Allocate(resource, deviceIds, cancellationToken),
                refusal => new AllocateOutcome.Refused(refusal),
                cancellationToken
            )
            .ConfigureAwait(false);
        if (outcome is AllocateOutcome.Refused { Refusal.Reason: { } reason })
            ImmutableInterlocked.AddOrUpdate(ref _refusedByReason, reason, 1, (_, count) => count + 1);
        return outcome;
    }

    private AllocateOutcome Allocate(ResourceName resource, ImmutableArray<string> deviceIds, CancellationToken cancellationToken)
    {
        if (TokenAnswers.AreTokens(resource, deviceIds))
            return GiveTokens(resource, deviceIds, cancellationToken);
        using var answer = TryBegin(resource, deviceIds, out var refusal);
        return answer is null ? new AllocateOutcome.Refused(refusal!) : Give(answer, cancellationToken);
    }

    private AllocateOutcome GiveTokens(ResourceName resource, ImmutableArray<string> ids, CancellationToken cancellationToken)
    {
        if (Halted(resource, ids) is { } halted)
            return new AllocateOutcome.Refused(halted);
        var outcome = _tokens.Give(Catalog, resource, ids, cancellationToken);
        if (outcome is AllocateOutcome.Granted)
            Answered?.Invoke();
        return outcome;
    }

    public async ValueTask<Refusal?> CheckBeforeStartAsync(
        ResourceName resource,
        ImmutableArray<string> deviceIds,
        CancellationToken cancellationToken
    ) =>
        await Earlier.WaitAsync(deviceIds, cancellationToken).ConfigureAwait(false)
        ?? await AskAsync("the start of", resource, deviceIds, () => CheckBeforeStart(resource, deviceIds), r => r, cancellationToken)
            .ConfigureAwait(false);

    /// <summary>
    /// Makes ready again what pods got in an earlier boot and may be started with. Keeps the caller's thread, about as long as is said.
    /// </summary>
    public void TakeUpEarlier(CheckpointReading checkpoint, TimeSpan within, CancellationToken cancellationToken)
    {
        if (Refuses() is null)
            Earlier.TakeUp(checkpoint, Catalog, within, cancellationToken);
    }

    private Refusal? CheckBeforeStart(ResourceName resource, ImmutableArray<string> deviceIds)
    {
        foreach (var id in deviceIds)
        {
            if (Ledger.ById.GetValueOrDefault(id) is not { } recorded)
                return new Refusal(
                    Reasons.NotAllocated,
                    $"{id} of {resource} was not given to this container by this agent: delete the pod, so that it is allocated anew",
                    [id]
                );
            if (_answers.Changed(recorded) is { } changed)
                return new Refusal(Reasons.AnswerOutdated, $"{changed}: delete the pod, so that it is allocated anew", [id]);
        }

        return null;
    }

    /// <summary>Whether a refused ID could be handed out now. Looks at the machine, records nothing.</summary>
    public async ValueTask<Refusal?> CheckOfferAsync(ResourceName resource, string deviceId, CancellationToken cancellationToken) =>
        await AskAsync("the offer of", resource, [deviceId], () => CheckOffer(resource, deviceId), r => r, cancellationToken)
            .ConfigureAwait(false);

    public Refusal? KnownProblem(ResourceName resource, string deviceId) =>
        Catalog.Units.GetValueOrDefault(deviceId) is { Problem: { } problem } it && it.Unit.Resource == resource
            ? Cannot(resource, deviceId, problem)
            : null;

    private Refusal? CheckOffer(ResourceName resource, string deviceId)
    {
        if (TokenAnswers.AreTokens(resource, [deviceId]))
            return Halted(resource, [deviceId]) ?? TokenAnswers.Refusal(Catalog, resource, deviceId);
        Unit unit;
        using (var answer = TryBegin(resource, [deviceId], out var refusal))
        {
            if (answer is null)
                return refusal;
            unit = answer.Units[0];
        }

        var state = reader.Read(unit.Handout);
        if (UnitReadiness.IsAbsent(unit, state))
        {
            var problem = _late.Meets(unit) ?? UsedBy(unit); // all else that is in the way is the catalog's
            return problem is null ? null : Cannot(resource, deviceId, problem);
        }

        var obstacle = Obstacle(unit, state, isBeingAnswered: false) ?? (unit.OnAllocate is { IsLent: true } ? UsedBy(unit) : null);
        return obstacle is null ? null : Cannot(resource, deviceId, obstacle);
    }

    /// <summary>
    /// Units that must not be offered though they are ready, with the sentence: somebody has them open whose pod the kubelet forgot, a node
    /// of theirs stands in the answer of another device that is not proven back, or a pod still has something of them under another
    /// resource name.
    /// </summary>
    /// <param name="unsettled">As <see cref="Unsettled"/> has them.</param>
    public ImmutableDictionary<string, OfferProblem> Reserved(Plan plan, HostInventory inventory, IReadOnlySet<string> unsettled)
    {
        var ledger = Ledger;
        return plan
            .Units.Select(u => (Id: u.Id.ToString(), Problem: Problem(u)))
            .Where(t => t.Problem is not null)
            .ToImmutableDictionary(t => t.Id, t => t.Problem!, StringComparer.Ordinal);

        OfferProblem? Problem(Unit unit) =>
            (unsettled.Contains(unit.Id.ToString()) ? null : _late.Problem(unit, inventory))
            ?? OfferProblem.Of(Reasons.StillHeld, Forgotten(unit.Id.ToString()))
            ?? OfferProblem.Of(Reasons.NodeAnswered, _answers.TakenBy(unit, UnitReadiness.StateOf(unit, inventory), ledger)?.Message)
            ?? OfferProblem.Of(Reasons.StillHeld, holdings.HeldOtherwise(unit));

        string? Forgotten(string id) =>
            ledger.ById.GetValueOrDefault(id)?.Holder is { } holder
                ? $"{holder}, though the kubelet knows no pod that has {id}: end that process"
                : null;
    }

    /// <summary>
    /// Units that are there only for an answer, and of which what was read of the machine says nothing: they are being brought about, or
    /// were since.
    /// </summary>
    /// <param name="asOf">When the reading began.</param>
    public ImmutableHashSet<string> Unsettled(Plan plan, DateTimeOffset asOf)
    {
        var late = plan.Units.Where(u => u.OnAllocate is not null).Select(u => u.Id.ToString()).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. holdings.UnitsBeingAnswered.Select(u => u.Id.ToString()).Where(late.Contains),
            .. Ledger.ById.Values.Where(a => a.AnsweredAt >= asOf).Select(a => a.Id).Where(late.Contains),
        ];
    }

    public ImmutableArray<string> Prefer(
        ResourceName resource,
        ImmutableArray<string> available,
        ImmutableArray<string> mustInclude,
        int size
    ) => PreferredAllocation.Choose(Catalog.Units, available, mustInclude, size);

    /// <summary>
    /// Gives nodes whose owner we changed their owner back when no answer needs it any more. Not while an answer is being made, which may
    /// be about to set one: the next round comes back to it.
    /// </summary>
    public void RestoreNodes() => holdings.WhileNobodyIsAnswered(_owners.GiveBack);

    /// <summary>Takes in a look at the kubelet. True when something was let go, is new, or is held by another than before.</summary>
    /// <param name="asOf">When the look began.</param>
    public bool Observe(PodUseReading reading, DateTimeOffset asOf)
    {
        // The machine is read before the ledger is touched, and only for what is missing or unknown. What is given out after this look is
        // too young to be let go.
        pods.Look(reading, Catalog);
        var unpaired = Unpaired;
        _unpaired = _unpaired.Observe(reading, Catalog, asOf, proof.Absence);
        var devices = reading is PodUseReading.Listed listed ? listed.Devices : [];
        var known = Ledger;
        var learned = devices
            .Where(d => !known.ById.ContainsKey(d.Id) && !WillBeTakenUp(known, reading, d.Id))
            .Select(Learn)
            .OfType<Allocation>()
            .ToDictionary(a => a.Id, StringComparer.Ordinal);
        var missing =
            reading is PodUseReading.Listed
                ? known.ById.Values.Where(a => !devices.Any(d => d.Id == a.Id && d.Resource == a.Resource)).ToList()
                : [];
        var open = _holders.Read(missing.SelectMany(a => a.Nodes).Select(n => n.Number), quick: false);
        var held = missing
            .Select(a => (a.Id, Held: FirstOf(open, a, ledger => ledger.ById.GetValueOrDefault(a.Id) == a)))
            .Where(h => h.Held is not null)
            .ToDictionary(h => h.Id, h => $"{h.Held!.Value.Holder} still holds {h.Held.Value.Path} open", StringComparer.Ordinal);
        var (before, after) = holdings.Look(
            ledger =>
                ledger.Observe(
                    reading,
                    time.GetUtcNow(),
                    proof,
                    d => learned.GetValueOrDefault(d.Id) is { } a && a.Resource == d.Resource ? a : null,
                    a => held.GetValueOrDefault(a.Id)
                ),
            reading is PodUseReading.Listed ? asOf : null
        );
        return !unpaired.SequenceEqual(Unpaired)
            || !after.ById.Keys.SequenceEqual(before.ById.Keys)
            || after.ById.Values.Any(a => before.ById[a.Id] is var b && (b.Pod != a.Pod || b.Holder != a.Holder));
    }

    /// <summary>
    /// Who has a node of an answer open. What a look did not see the group's node tells, which is tried only while nobody is given
    /// anything.
    /// </summary>
    /// <param name="isStill">Whether by this ledger nobody else has got it since the look began.</param>
    private (string Path, string Holder)? FirstOf(NodeHolders open, Allocation answer, Func<AllocationLedger, bool> isStill)
    {
        var held = open.FirstOf(Named(answer), mayOpen: false);
        if (held is not null && !open.IsComplete)
        {
            holdings.WhileNobodyIsAnswered(ledger =>
            {
                if (isStill(ledger))
                    held = open.FirstOf(Named(answer), mayOpen: true);
            });
        }

        return held;
    }

    private static IReadOnlyCollection<(string Path, string Number)> Named(Allocation answer) =>
        [.. answer.Nodes.Select(n => (n.Path, n.Number))];

    private EarlierAnswers Earlier =>
        LazyInitializer.EnsureInitialized(
            ref _earlier,
            () => new EarlierAnswers(reader, _answers, _owners, holdings, time, (unit, token) => BringAbout(unit, LateUnits.Limit, token))
        );

    /// <summary>What was given out before the boot is compared with the answer of then, which needs the kubelet's checkpoint.</summary>
    private static bool WillBeTakenUp(AllocationLedger ledger, PodUseReading reading, string id) =>
        ledger.Earlier.ContainsKey(id) && reading is PodUseReading.Listed { Checkpoint: CheckpointReading.Read };

    private Allocation? Learn(PodUse device) =>
        ResourceName.TryParse(device.Resource, out var name, out _) && TokenId.Is(device.Id, name)
            ? Tokens.Given(name, device.Id, time.GetUtcNow())
        : Catalog.Units.TryGetValue(device.Id, out var unit) && unit.Unit.Resource.Value == device.Resource
            ? _answers.Record(unit.Unit, reader.Read(unit.Unit.Handout))
        : null;

    private Refusal? Halted(ResourceName resource, ImmutableArray<string> ids) =>
        Refuses() is { } halt
            ? new Refusal(halt.Reason, $"{string.Join(", ", ids)} of {resource} cannot be given out: {halt.Message}", ids)
            : null;

    private Holdings.Answer? TryBegin(ResourceName resource, ImmutableArray<string> ids, out Refusal? refusal)
    {
        var units = ImmutableArray.CreateBuilder<Unit>();
        var catalog = Catalog;
        refusal = Halted(resource, ids);
        if (refusal is not null)
            return null;

        foreach (var id in ids)
        {
            refusal =
                !catalog.Units.TryGetValue(id, out var unit) || unit.Unit.Resource != resource
                    ? new Refusal(Reasons.NotOffered, $"{id} of {resource} is not offered on this node any more", [id])
                : unit.Problem is { } problem ? Cannot(resource, id, problem)
                : null;
            if (refusal is not null)
                return null;
            units.Add(unit!.Unit);
        }

        return holdings.TryBeginAnswer(resource, units.ToImmutable(), out refusal);
    }

    private AllocateOutcome Give(Holdings.Answer answer, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        foreach (var unit in answer.Units)
        {
            if (BringAbout(unit, LateUnits.Limit - time.GetElapsedTime(begun), cancellationToken) is { } problem)
                return new AllocateOutcome.Refused(Cannot(answer.Resource, unit.Id.ToString(), problem));
        }

        var states = answer.Units.Select(u => (Unit: u, State: reader.Read(u.Handout))).ToList();
        foreach (var (unit, state) in states)
        {
            if (unit.OnAllocate is { IsLent: false } && _answers.TakenBy(unit, state, Ledger) is { } taken)
                return new AllocateOutcome.Refused(Cannot(answer.Resource, unit.Id.ToString(), _late.Met(unit, taken)));
            var obstacle = Obstacle(unit, state, isBeingAnswered: true) ?? OfferProblem.Of(Reasons.NodeOwner, _owners.Set(unit, state));
            if (obstacle is not null)
                return new AllocateOutcome.Refused(Cannot(answer.Resource, unit.Id.ToString(), obstacle));
        }

        foreach (var (unit, state) in states)
        {
            if (unit.OnAllocate is { IsLent: true } && Since(unit, state) is { } since)
                return new AllocateOutcome.Refused(Cannot(answer.Resource, unit.Id.ToString(), since));
        }

        var records = states.Select(s => _answers.Record(s.Unit, s.State)).ToList();
        // Whoever asked was refused by the deadline: nothing of a late answer may stand.
        cancellationToken.ThrowIfCancellationRequested();
        holdings.Record(records); // on disk before the answer: after a crash the device is known to be out
        Answered?.Invoke();
        return AllocateAnswer.Compose(answer.Resource, states, Catalog.Inventory);
    }

    /// <summary>
    /// What became of a unit since it was proven free, as the last look before the answer. What is lent stays the host's: it can be pulled
    /// or found anew meanwhile, when its node and its address are another device's, and mounted while the others of the answer are looked
    /// at.
    /// </summary>
    private OfferProblem? Since(Unit unit, UnitState then)
    {
        var now = reader.Read(unit.Handout);
        if (now.Problem is { } problem)
            return new OfferProblem(Reasons.NotReady, problem);
        return now.Address != then.Address || !now.Nodes.SequenceEqual(then.Nodes, StringComparer.Ordinal)
            ? new OfferProblem(
                Reasons.NotReady,
                $"{unit.Id} was at {then.Address} a moment ago and is at {now.Address} ({string.Join(", ", now.Nodes)}) now: it was "
                    + "plugged in or found anew while it was given out; create the pod again"
            )
            : UsedBy(unit);
    }

    private OfferProblem? BringAbout(Unit unit, TimeSpan within, CancellationToken cancellationToken)
    {
        if (unit.OnAllocate is not { } late || Catalog.Inventory is not { } inventory)
            return null;
        var begun = time.GetTimestamp();
        if (late.AsksWhoUses)
            AskKubelet(cancellationToken);
        if (!late.Steps.IsEmpty)
            BeforeWrites();
        return _late.BringAbout(unit, inventory, within - time.GetElapsedTime(begun), cancellationToken);
    }

    /// <summary>
    /// Another plugin's container may have a device and nothing of it open: only the kubelet knows. Where it does not say in time, what is
    /// proven of the machine alone counts.
    /// </summary>
    private void AskKubelet(CancellationToken cancellationToken)
    {
        if (AsksKubelet is not { } ask)
            return;
        using var limit = new CancellationTokenSource(KubeletsTime, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            pods.Look(ask(ended.Token).GetAwaiter().GetResult(), Catalog);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // What it said before is known still.
        }
    }

    /// <summary>Who uses what a unit would take; null when nobody does, or the policy passes over it.</summary>
    private OfferProblem? UsedBy(Unit unit)
    {
        if (unit.OnAllocate is not { AsksWhoUses: true } late || Catalog.Inventory is not { } inventory)
            return null;
        var users = late
            .Steps.SelectMany(s => s.MustBeFree.Select(device => (Device: device, s.MayBeUsed)))
            .Distinct()
            .ToLookup(d => d.Device, d => d.MayBeUsed);
        var found = usage
            .Read(inventory, [.. users.Select(u => u.Key)])
            .ByDevice.SelectMany(d =>
                d.Value.Where(u => !users[d.Key].All(m => m.Contains(u.Kind))).Select(u => $"{d.Key}: {u.Description}")
            )
            .Distinct(StringComparer.Ordinal)
            .ToList();
        return found.Count == 0 ? null : new OfferProblem(Reasons.InUse, $"in use: {string.Join("; ", found)}");
    }

    /// <summary>
    /// What the kubelet asks, on a thread that the token gives up. What hangs is not asked again: one thread waits for it, not one for each
    /// re-check.
    /// </summary>
    private async Task<T> AskAsync<T>(
        string what,
        ResourceName resource,
        ImmutableArray<string> ids,
        Func<T> look,
        Func<Refusal, T> refused,
        CancellationToken cancellationToken
    )
    {
        var call = new KubeletCall(what, string.Join(", ", ids));
        return await _kernel.AskAsync(call, look, Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false) switch
        {
            KernelAnswer<T>.Returned returned => returned.Value,
            KernelAnswer<T>.NotBegun { Why: var why } => refused(
                new Refusal(Reasons.NotReady, $"{call.Ids} of {resource} cannot be given out: {why.InWords}", ids)
            ),
            _ => throw new System.Diagnostics.UnreachableException(), // without a deadline only the token gives up
        };
    }

    private static Refusal Cannot(ResourceName resource, string id, OfferProblem obstacle) =>
        new(obstacle.Reason, $"{id} of {resource} cannot be given out: {obstacle.Message}", [id]);

    /// <summary>Why a unit in this state is given to nobody: the same for an answer and for every look after a refusal.</summary>
    /// <param name="isBeingAnswered">It is asked for an answer that is being made: nobody else is given the unit.</param>
    private OfferProblem? Obstacle(Unit unit, UnitState state, bool isBeingAnswered) =>
        OfferProblem.Of(Reasons.NotReady, state.Problem)
        ?? OfferProblem.Of(Reasons.NodeAnswered, _answers.TakenBy(unit, state, Ledger)?.Message)
        ?? OfferProblem.Of(Reasons.StillHeld, HeldBy(unit, state, isBeingAnswered));

    private string? HeldBy(Unit unit, UnitState state, bool isBeingAnswered)
    {
        var answer = _answers.Record(unit, state);
        // Without a group there is no node that tells what a quick look leaves open.
        var open = _holders.Read(answer.Nodes.Select(n => n.Number), quick: unit.OnAllocate is not { IsLent: true });
        var held = isBeingAnswered
            ? open.FirstOf(Named(answer), mayOpen: true)
            : FirstOf(open, answer, ledger => !ledger.ById.ContainsKey(answer.Id));
        return held is { Path: var path, Holder: var holder } ? $"{path} is still held open by {holder}" : null;
    }

    private sealed record KubeletCall(string What, string Ids)
    {
        public override string ToString() => $"{What} {Ids}";
    }
}
