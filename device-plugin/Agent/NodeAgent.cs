using System.Collections.Immutable;
using System.Threading.Channels;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Allocating;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Following;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// The node's loop: read the machine, plan, apply, read again, advertise, report; then sleep until the kernel, the desired state or a due
/// retry wakes it. In the steady state it writes nothing and reads nothing, but for room on a card of which no event tells
/// (<see cref="AgentTimings.WhileRoomMatters"/>).
/// </summary>
public sealed partial class NodeAgent(
    AgentParts parts,
    DesiredState desired,
    AgentTimings timings,
    TimeProvider time,
    ILogger<NodeAgent> logger
)
{
    // Making VFs takes three passes, taking what was made one more; twice that means that two sides undo each other's work.
    private const int MaxPasses = 8;

    private readonly Channel<bool> _wakeUps = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );
    private readonly Setbacks _setbacks = new(time);
    private readonly DecisionLog _decisions = new(logger);
    private DesiredInForce? _changedTo; // what was in force when it changed last; guarded with the setbacks
    private TimeSpan _nextLook = timings.Resync; // at the latest, where nothing wakes the loop before
    private bool _proving; // nothing is under way or stopped: if the machine lives on now, what was done did it no harm
    private volatile bool _lookDue = true;
    private DateTimeOffset _lookedAt; // when the last look began
    private long _asOf; // the same for whoever carries out what was planned for
    private volatile DesiredInForce? _plannedFor; // what the last plan was made for: another may be in force by the time it is carried out
    private (HostInventory Inventory, Plan Plan, long? Generation)? _last;
    private volatile NodeDeviceStateStatus? _status;
    private volatile Halt? _halt;
    private volatile IReadOnlyList<UnitStanding> _units = [];

    /// <summary>How often the machine was read and planned for.</summary>
    public long Reconciles { get; private set; }

    /// <summary>Of them, how many ended with an error and were repeated.</summary>
    public long FailedReconciles { get; private set; }

    /// <summary>What was reported last; null before the first look at the machine has ended.</summary>
    public NodeDeviceStateStatus? Status => _status;

    /// <summary>What stops all writes to the host, as of the last look; null when nothing does.</summary>
    public Halt? Halt => _halt;

    /// <summary>As they stood when <see cref="Status"/> was made; none before.</summary>
    internal IReadOnlyList<UnitStanding> Units => _units;

    /// <summary>Whether the loop still comes round.</summary>
    public LoopPulse Pulse { get; } = new(time);

    /// <summary>Asks for a reconcile soon; many requests are one.</summary>
    public void Wake()
    {
        _lookDue = true;
        _wakeUps.Writer.TryWrite(true);
    }

    /// <summary>Asks for a new status without a new look at the machine: only the kubelet's side changed.</summary>
    public void WakeForStatus() => _wakeUps.Writer.TryWrite(true);

    /// <summary>
    /// The desired state changed: what failed before may be tried anew. Not for a cordon: it makes no write, and so not one that failed.
    /// </summary>
    public void DesiredChanged()
    {
        lock (_setbacks)
        {
            var (before, now) = (_changedTo, desired.InForce);
            _changedTo = now;
            if (now?.HasOtherCordonsAlone(before) != true)
                _setbacks.Clear();
        }

        Wake();
    }

    /// <summary>Runs until it is cancelled. What was begun on the machine is finished or left for the next start to continue.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        parts.Executor.LaneEnded = Wake;
        parts.Inventory.Unblocked = Wake;
        try
        {
            await LoopAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await parts.Executor.StopAsync().ConfigureAwait(false);
        }

        if (_proving)
            parts.Boots.CloseInOrder();
    }

    private async Task LoopAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                Pulse.Expect(timings.LongestRound);
                if (_lookDue)
                    await ReconcileAsync(cancellationToken).ConfigureAwait(false);
                else
                    Report();
                await SleepAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // The controller loop: one of the two places where everything is caught (style.md 5).
            catch (Exception e)
#pragma warning restore CA1031
            {
                _lookDue = true;
                FailedReconciles++;
                ReconcileFailed(logger, e);
                await Task.Delay(timings.AfterFailure, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>One round: until the machine is as desired, or nothing more can be done now.</summary>
    public async Task ReconcileAsync(CancellationToken cancellationToken)
    {
        Reconciles++;
        _lookDue = false;
        var (inventory, plan) = await LookAsync(cancellationToken).ConfigureAwait(false);
        for (var pass = 0; pass < MaxPasses && parts.Executor.CanStart(plan) && !cancellationToken.IsCancellationRequested; pass++)
        {
            if (!TakesUpEarlier)
                Publish(plan, inventory);
            await ExecuteAsync(plan, inventory, cancellationToken).ConfigureAwait(false);
            (inventory, plan) = await LookAsync(cancellationToken).ConfigureAwait(false);
        }

        if (inventory.Unlisted is not null)
        {
            // An unreadable machine is not an empty one: what was offered stays, nothing is taken or given back.
            _nextLook = timings.WhileWaiting;
            _last = _last is { } last
                ? (last.Inventory with { Problems = inventory.Problems }, last.Plan, last.Generation)
                : (inventory, Plan.Nothing, null);
            Report();
            return;
        }

        _proving = plan.Lanes.IsEmpty && plan.Halt is null;
        if (_proving)
            parts.Boots.CloseWhenProven();
        if (!parts.Allocator.Ledger.Earlier.IsEmpty)
            (inventory, plan) = await TakeUpEarlierAsync(plan, inventory, cancellationToken).ConfigureAwait(false);
        Publish(plan, inventory);
        if (plan.Halt is not { OffersNothingNew: true })
            parts.Allocator.RestoreNodes();
        (_nextLook, _last) = (timings.NextLook(plan), (inventory, plan, _plannedFor?.Generation));
        Report();
    }

    /// <summary>
    /// Pods may start on what they got in an earlier boot, as soon as their resource is registered: so that is ready before, in the first
    /// round.
    /// </summary>
    private bool TakesUpEarlier => Reconciles == 1 && !parts.Allocator.Ledger.Earlier.IsEmpty;

    private async Task<(HostInventory Inventory, Plan Plan)> TakeUpEarlierAsync(
        Plan plan,
        HostInventory inventory,
        CancellationToken cancellationToken
    )
    {
        var before = parts.Allocator.Ledger;
        if (parts.Kubelet?.ReadCheckpoint() is not { } checkpoint)
            return (inventory, plan);
        parts.Allocator.Catalog = CatalogOf(plan, inventory);
        await ReadAsync(
                () =>
                {
                    parts.Allocator.TakeUpEarlier(checkpoint, timings.TakeUp, cancellationToken);
                    return true;
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        return before.HasSame(parts.Allocator.Ledger) ? (inventory, plan) : await LookAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Something is about to be written for what was planned last, by another hand of ours. Thread-safe.</summary>
    internal void BeginWrites() => parts.Boots.Begin(_plannedFor?.Fingerprint ?? "");

    private async Task ExecuteAsync(Plan plan, HostInventory inventory, CancellationToken cancellationToken)
    {
        var fingerprint = _plannedFor?.Fingerprint ?? "";
        _proving = false;
        parts.Boots.Begin(fingerprint);
        var outcomes = await parts.Executor.ExecuteAsync(plan, inventory, _asOf, cancellationToken).ConfigureAwait(false);
        parts.Boots.Pause();
        parts.Repairs.Learn(fingerprint, outcomes);
        lock (_setbacks)
        {
            foreach (var outcome in outcomes)
                _setbacks.Learn(outcome);
        }
    }

    private void Report()
    {
        if (_last is not { } last)
            return;
        var (resources, others) = (parts.Kubelet?.Snapshot() ?? [], parts.Kubelet?.OtherOffers ?? []);
        var (catalog, ledger) = (parts.Allocator.Catalog, parts.Allocator.Ledger);
        var status = StatusBuilder.Build(last.Inventory, last.Plan, catalog, ledger, resources, desired, last.Generation, others);
        (_status, _halt, _units) = (status, last.Plan.Halt, UnitStanding.Of(catalog, ledger, resources));
        parts.Status.Write(status);
    }

    private async Task<(HostInventory Inventory, Plan Plan)> LookAsync(CancellationToken cancellationToken)
    {
        (_lookedAt, _asOf) = (time.GetUtcNow(), parts.Executor.Now);
        // Asked first: what the ledger names was there before the machine is read, and what had not returned may have done so since.
        var (given, unreturned) = (parts.Allocator.Ledger, parts.Executor.Unreturned);
        var inventory = await ReadAsync(parts.Inventory.Read, cancellationToken).ConfigureAwait(false);
        var confirmed = desired.Confirmed; // asked first: what is in force is then at least as new as the word that confirmed it
        if (desired.InForce is not { } inForce)
            return (inventory, Plan.Nothing);
        _plannedFor = inForce;
        if (confirmed && parts.Journal is { Damage: null, State.InForceBefore: not null } journal)
            journal.Append(new JournalRecord.Confirm());
        var names = PlanningInput.AsksForInterfaces(inForce.Policies)
            ? await ReadAsync(parts.Names.Read, cancellationToken).ConfigureAwait(false)
            : [];
        var errors = await ReadAsync(parts.Errors.Look, cancellationToken).ConfigureAwait(false);
        var remembered = Remember(given, unreturned) with { Errors = errors };
        var input = remembered.Input(inForce, inventory, HostUsage.Nobody, names);
        var plan = Planner.Plan(input);
        if (!plan.Attributes.IsEmpty)
        {
            var files = plan.Attributes;
            input = input with
            {
                Attributes = await ReadAsync(() => parts.Attributes.Read(files), cancellationToken).ConfigureAwait(false),
            };
            plan = Planner.Plan(input);
        }

        if (!plan.Lanes.IsEmpty || plan.AsksWhoUses)
        {
            // Who uses what is asked, with a pass over all processes, only where something would be done if nobody did, or said.
            var usage = await ReadAsync(() => parts.Usage.Read(inventory), cancellationToken).ConfigureAwait(false);
            plan = Planner.Plan(input with { Usage = usage });
        }

        _decisions.Tell(plan);
        ImmutableArray<PendingSetback> pending;
        lock (_setbacks)
        {
            _setbacks.Look(plan);
            pending = _setbacks.Pending;
        }

        parts.Setbacks.Keep(pending);
        return (inventory, plan);
    }

    private Remembered Remember(AllocationLedger given, ImmutableArray<UnreturnedWrite> unreturned)
    {
        lock (_setbacks)
        {
            return new Remembered
            {
                Journal = parts.Journal.State,
                Node = parts.Node,
                Repairs = parts.Repairs,
                Halts = parts.Halts,
                Choices = parts.Choices.Choices,
                Links = parts.Links.Links,
                Setbacks = _setbacks.Active(),
                Given = [.. given.ById.Keys.Select(DeviceId.Parse)],
                GivenDevices = given.GivenDevices,
                Unreturned = [.. parts.Executor.Unreturned.Concat(unreturned).DistinctBy(w => (w.Device, w.File))],
            };
        }
    }

    /// <summary>
    /// Reading takes what the machine needs for it. An agent that is asked to end does not wait for that: what is read then is thrown away.
    /// </summary>
    private Task<T> ReadAsync<T>(Func<T> read, CancellationToken cancellationToken) =>
        parts.Threads.CallAsync("look", read).WaitAsync(cancellationToken);

    private void Publish(Plan plan, HostInventory inventory)
    {
        if (plan.Choices is { } choices)
            parts.Choices.Keep(choices);
        parts.Links.Keep(KnownLink.After(parts.Links.Links, inventory));
        parts.Errors.Watch(PcieErrors.Reporters(plan.Units, inventory));
        var catalog = CatalogOf(plan, inventory);
        parts.Allocator.Catalog = catalog;
        parts.Kubelet?.Update(catalog.Resources);
    }

    private Catalog CatalogOf(Plan plan, HostInventory inventory)
    {
        var unsettled = parts.Allocator.Unsettled(plan, _lookedAt);
        return Catalog.Build(plan, inventory, parts.Allocator.Reserved(plan, inventory, unsettled).SetItems(Withheld(plan)), unsettled);
    }

    /// <summary>
    /// What a halt keeps from being given out: everything that no pod has. A device that a pod has stays as it is, so that its containers
    /// can restart.
    /// </summary>
    private ImmutableDictionary<string, OfferProblem> Withheld(Plan plan)
    {
        if (plan.Halt is not { OffersNothingNew: true } halt)
            return ImmutableDictionary<string, OfferProblem>.Empty;
        var given = parts.Allocator.Ledger.ById;
        var problem = new OfferProblem(halt.Reason, halt.Message);
        return plan
            .Units.Select(u => u.Id.ToString())
            .Where(id => !given.ContainsKey(id))
            .ToImmutableDictionary(id => id, _ => problem, StringComparer.Ordinal);
    }

    private async Task SleepAsync(CancellationToken cancellationToken)
    {
        var sleep = _nextLook;
        DateTimeOffset? retry;
        lock (_setbacks)
            retry = _setbacks.NextDue;
        foreach (var due in (DateTimeOffset?[])[retry, parts.Repairs.NextDue, _proving ? parts.Boots.ProvenAt : null])
        {
            if (due is { } at && at - time.GetUtcNow() < sleep)
                sleep = at - time.GetUtcNow();
        }

        Pulse.Expect(sleep + timings.LongestRound);
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var wake = _wakeUps.Reader.ReadAsync(timer.Token).AsTask();
        var late = Task.Delay(sleep > TimeSpan.Zero ? sleep : TimeSpan.FromMilliseconds(1), time, timer.Token);
        if (await Task.WhenAny(wake, late).ConfigureAwait(false) == late)
            _lookDue = true;
        await timer.CancelAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
    }

    [LoggerMessage(EventId = 1001, Level = LogLevel.Error, Message = "a round failed and is repeated")]
    private static partial void ReconcileFailed(ILogger logger, Exception exception);
}

/// <summary>How long the loop sleeps.</summary>
public sealed record AgentTimings
{
    /// <summary>The safety net when nothing happens: a kernel event may have been lost.</summary>
    public TimeSpan Resync { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>While something waits for a user to let go, of which no event tells.</summary>
    public TimeSpan WhileWaiting { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// While a policy asks for what the host needs, or for what cannot be read: an unmount, a removed address or a mended file makes no
    /// event that reaches us.
    /// </summary>
    public TimeSpan WhileProtected { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// While there is a slot, or a wish for one, whose room on its card comes and goes without an event (vendor VFIO).
    /// </summary>
    public TimeSpan WhileRoomMatters { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan AfterFailure { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// No round takes longer: every call to the kernel has a deadline of its own. A loop that has not come round by then does not come any
    /// more.
    /// </summary>
    public TimeSpan LongestRound { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Between two lists of pod-resources while anything is held.</summary>
    public TimeSpan PodResources { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a round goes on making ready what pods got in an earlier boot; the rest is the next round's.</summary>
    public TimeSpan TakeUp { get; init; } = TimeSpan.FromSeconds(10);

    public ReleaseProof ReleaseProof { get; init; } = new();

    /// <summary>How long until the machine is looked at again if no event tells of it: by how what a plan found ends.</summary>
    internal TimeSpan NextLook(Plan plan)
    {
        // A halt leaves what waits for its users as it is. A device that is blocked does not go on by itself, whatever the reason.
        var goesOn = plan.Halt is null && plan.Findings.Any(f => f.State.GoesOn && f.Reason.Ends == Ends.Look);
        if (goesOn || !plan.Lanes.IsEmpty)
            return WhileWaiting;
        if (plan.AsksForRoom && plan.Halt is null)
            return WhileRoomMatters;
        return plan.Findings.Any(f => f.Reason.Ends == Ends.SlowLook) ? WhileProtected : Resync;
    }
}

/// <summary>The rooms the loop walks through.</summary>
/// <param name="Node">What the node is called.</param>
/// <param name="Kubelet">Null when nothing is offered to a kubelet.</param>
public sealed record AgentParts(
    string Node,
    InventoryReader Inventory,
    UsageReader Usage,
    Journal Journal,
    PlanExecutor Executor,
    DeviceAllocator Allocator,
    KubeletAdvertiser? Kubelet,
    IStatusSink Status,
    BootRecord Boots,
    RepairBudget Repairs,
    Halts Halts,
    ChoiceFile Choices,
    LinkFile Links,
    PcieErrorCounters Errors,
    SetbackFile Setbacks,
    InterfaceNames Names,
    AttributeReader Attributes,
    KernelThreads Threads
);
