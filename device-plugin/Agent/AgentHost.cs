using System.Collections.Immutable;
using Hostdev.DevicePlugin.Allocating;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Following;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning.Inventory;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>Where an agent finds its machine, its state and its kubelet.</summary>
public sealed record AgentOptions
{
    public const string DefaultStateDirectory = "/var/lib/hostdev";

    /// <summary>The file that is followed; null with <see cref="NodeState"/>.</summary>
    public string? DesiredFile { get; init; }

    /// <summary>Where the status goes with <see cref="DesiredFile"/>; null for nowhere.</summary>
    public string? StatusFile { get; init; }

    /// <summary>The object in the API server that is followed; null with <see cref="DesiredFile"/>.</summary>
    public NodeStateOptions? NodeState { get; init; }

    public string StateDirectory { get; init; } = DefaultStateDirectory;

    public string KubeletDirectory { get; init; } = KubeletApi.DefaultDevicePluginDirectory;

    public string PodResourcesSocket { get; init; } = KubeletApi.DefaultPodResourcesSocket;

    public AgentTimings Timings { get; init; } = new();

    public KubeletTimings KubeletTimings { get; init; } = new();

    /// <summary>Whether the kubelet is in a PID namespace that this process does not see.</summary>
    public bool HiddenKubelet { get; init; }

    /// <summary>The pod that the agent runs in; null when it runs in none.</summary>
    public OwnPod? OwnPod { get; init; }
}

/// <summary>A machine to work on: the real one, or a simulated one.</summary>
public sealed record AgentMachine(HostPaths Paths, IHostCalls Calls, Func<IUeventSource> OpenUevents)
{
    public KernelThreads Threads { get; init; } = KernelThreads.Own;
}

/// <summary>One agent with all its tasks: puts the rooms together, runs them, and ends them in order.</summary>
public sealed partial class AgentHost : IAsyncDisposable
{
    private static readonly ImmutableHashSet<string> Subsystems =
    [
        "pci",
        "vfio",
        "vfio-dev",
        "mdev",
        "usb",
        "net",
        "block",
        "scsi",
        "scsi_generic",
        "iommu",
        "drivers",
    ];

    private readonly AgentMachine _machine;
    private readonly AgentOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<AgentHost> _logger;
    private readonly DesiredState _desired;
    private readonly IDesiredSource _source;
    private readonly NodeStateConnection? _connection;
    private readonly PodResourcesClient _pods;
    private readonly PodUseReader _podUse;
    private readonly PodUsage _podUsage;
    private readonly PcieErrorCounters _errors;
    private readonly SemaphoreSlim _listSoon = new(0, 1);
    private DateTimeOffset? _checkpointRefreshed;

    private AgentHost(
        AgentMachine machine,
        AgentOptions options,
        TimeProvider clock,
        ILoggerFactory loggers,
        Journal journal,
        string bootId,
        bool isFirst
    )
    {
        var time = new SteadyTime(clock);
        (_machine, _options, _time) = (machine, options, time);
        _logger = loggers.CreateLogger<AgentHost>();
        Journal = journal;
        Writer = new HostWriter(machine.Paths, machine.Calls, journal, time, machine.Threads);
        var ledger = new LedgerFile(options.StateDirectory, bootId);
        Holdings = new Holdings(ledger.Read().Reopened(time.GetUtcNow()), ledger.Write);
        _podUsage = new PodUsage(Holdings);
        var usage = new UsageReader(machine.Paths, machine.Calls, _podUsage, time, machine.Threads);
        var breakGlass = new BreakGlassFile(options.StateDirectory);
        var units = new UnitStateReader(machine.Paths);
        var executor = new PlanExecutor(
            new StepExecutor(Writer, journal, units),
            Writer,
            usage,
            new HoldingsGate(Holdings),
            breakGlass,
            machine.Threads,
            time,
            loggers.CreateLogger<PlanExecutor>()
        );
        Allocator = new DeviceAllocator(
            units,
            machine.Paths,
            machine.Calls,
            journal,
            Holdings,
            options.Timings.ReleaseProof,
            time,
            machine.Threads,
            executor,
            usage,
            _podUsage
        )
        {
            Answered = OnKubeletChanged,
        };
        var boots = new BootRecord(options.StateDirectory, bootId, time);
        var choices = new ChoiceFile(options.StateDirectory);
        var halts = new Halts(breakGlass, journal.Damage ?? choices.Damage, boots);
        Allocator.Refuses = halts.LookBeforeAnswer;
        var listed = new ListedFile(options.StateDirectory);
        if (listed.Damage is { } damage)
            ListedUnreadable(_logger, damage);
        Kubelet = new KubeletAdvertiser(
            options.KubeletDirectory,
            Allocator,
            Holdings,
            time,
            loggers.CreateLogger<KubeletAdvertiser>(),
            options.KubeletTimings,
            OnKubeletChanged,
            new ListedDevices(listed.Listed ?? (isFirst && listed.Damage is null ? ListedIds.None : null), listed.Keep, IsTaken)
        )
        {
            MayCall = options.HiddenKubelet ? SocketCallers.MayBeKubelet : SocketCallers.IsKubelet,
        };
        _pods = new PodResourcesClient(options.PodResourcesSocket, time);
        var uptime = new KubeletUptime(
            [Path.Combine(options.KubeletDirectory, KubeletApi.KubeletSocketName), options.PodResourcesSocket],
            time
        );
        _podUse = new PodUseReader(
            _pods,
            uptime,
            new KubeletCheckpointReader(options.KubeletDirectory),
            options.OwnPod,
            options.Timings.ReleaseProof.KubeletUptime,
            time
        );
        Allocator.AsksKubelet = async token => (await _podUse.ReadAsync(token).ConfigureAwait(false)).Reading;
        _desired = new DesiredState(options.StateDirectory);
        _connection = options.NodeState is { } state ? new NodeStateConnection(state, time, clock, Random.Shared, loggers) : null;
        _source =
            _connection
            ?? (IDesiredSource)
                new DesiredFile(
                    options.DesiredFile ?? throw new ArgumentException("either a file or an object is followed", nameof(options)),
                    time,
                    loggers.CreateLogger<DesiredFile>()
                );
        var parts = new AgentParts(
            NodeName.Of(machine.Paths, options.NodeState?.Node),
            new InventoryReader(machine.Paths, time),
            usage,
            journal,
            executor,
            Allocator,
            Kubelet,
            new TransitionLog(_connection ?? (IStatusSink)new StatusFile(options.StatusFile), loggers.CreateLogger<TransitionLog>()),
            boots,
            new RepairBudget(options.StateDirectory, bootId, time),
            halts,
            choices,
            new LinkFile(options.StateDirectory),
            _errors = new PcieErrorCounters(machine.Paths, time),
            new SetbackFile(options.StateDirectory, bootId),
            new InterfaceNames(machine.Calls),
            new AttributeReader(machine.Calls, time),
            machine.Threads
        );
        Agent = new NodeAgent(parts, _desired, options.Timings, time, loggers.CreateLogger<NodeAgent>());
        Allocator.BeforeWrites = Agent.BeginWrites;
        _podUsage.Changed = Agent.Wake;
        Writer.CameBackLate = Agent.Wake;
    }

    public NodeAgent Agent { get; }

    public DeviceAllocator Allocator { get; }

    public Holdings Holdings { get; }

    public Journal Journal { get; }

    public HostWriter Writer { get; }

    public KubeletAdvertiser Kubelet { get; }

    /// <summary>
    /// Why nobody should count on this agent yet, one line each: until it has looked at the machine once, with what it follows or has kept
    /// of it, and offers the kubelet what it found. Neither an API server nor a spec nor a kubelet is needed for that.
    /// </summary>
    public IEnumerable<string> NotReady => Agent.Status is null ? ["the first look at this host has not ended"] : [];

    /// <summary>Why a restart would help, one line each: empty while the loop comes round.</summary>
    public IEnumerable<string> Unhealthy => Agent.Pulse.Problem is { } problem ? [problem] : [];

    /// <summary>For whoever walks the agent through its rounds without <see cref="RunAsync"/>.</summary>
    internal DesiredState Desired => _desired;

    /// <summary>Opens the journal, which also makes sure that no other agent runs here.</summary>
    /// <exception cref="JournalException">It cannot be used: the message says why and what to do.</exception>
    /// <param name="metrics">Show this agent from now on; null where nobody asks for them.</param>
    public static AgentHost Open(
        AgentMachine machine,
        AgentOptions options,
        TimeProvider time,
        ILoggerFactory loggers,
        AgentMetrics? metrics = null
    )
    {
        var bootId = File.ReadAllText(machine.Paths.Resolve("/proc/sys/kernel/random/boot_id")).Trim();
        var isFirst = !File.Exists(Path.Combine(options.StateDirectory, Journal.FileName)); // no agent of any version ran here before
        var journal = Journal.Open(options.StateDirectory, bootId);
        try
        {
            var host = new AgentHost(machine, options, time, loggers, journal, bootId, isFirst);
            metrics?.Ask(host.Read);
            return host;
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    /// <summary>Runs until it is cancelled: first what was in force, then whatever changes.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var uevents = _machine.OpenUevents(); // before the first look, so that nothing is missed between
        using var admin = new StateDirectoryWatch(_options.StateDirectory, Agent.Wake);
        _desired.Restore();
        _source.Read(_desired);
        Kubelet.Start(); // what pods have by the ledger on disk is registered before anybody is asked, or their containers' restarts fail
        Started(_logger, _source.Description, _options.StateDirectory);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] tasks =
        [
            Agent.RunAsync(all.Token),
            FollowKernelAsync(uevents, all.Token),
            FollowDesiredAsync(all.Token),
            FollowPodsAsync(all.Token),
            .. _connection is { } connection ? [connection.RunAsync(all.Token)] : Array.Empty<Task>(),
        ];
        await Task.WhenAny(tasks).ConfigureAwait(false);
        await all.CancelAsync().ConfigureAwait(false);
        await Kubelet.StopAsync().ConfigureAwait(false); // streams end first, so that the kubelet hands out nothing more
        await Task.WhenAll(tasks).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await Kubelet.DisposeAsync().ConfigureAwait(false);
        _pods.Dispose();
        _source.Dispose();
        _listSoon.Dispose();
        Journal.Dispose();
    }

    /// <summary>PCIe errors of what is offered, as metrics show them.</summary>
    public ImmutableArray<PcieErrorCount> PcieErrors => _errors.Read();

    private AgentReading Read() =>
        new()
        {
            Status = Agent.Status,
            Units = Agent.Units,
            Halt = Agent.Halt,
            Reconciles = Agent.Reconciles,
            FailedReconciles = Agent.FailedReconciles,
            HostWrites = Writer.Writes,
            RefusedAllocations = Allocator.RefusedByReason,
            PcieErrors = _errors.Read,
        };

    private async Task FollowKernelAsync(IUeventSource uevents, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var batch = await uevents.NextAsync(cancellationToken).ConfigureAwait(false);
                // Container networks come and go all day, below /devices/virtual: nothing of that is hardware.
                if (
                    batch.Lost
                    || batch.Events.Any(e =>
                        Subsystems.Contains(e.Subsystem)
                        && !(e.Subsystem is "net" or "block" && e.DevPath.StartsWith("/devices/virtual/", StringComparison.Ordinal))
                    )
                )
                    Agent.Wake();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private async Task FollowDesiredAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await _source.NextAsync(_desired, cancellationToken).ConfigureAwait(false);
                Agent.DesiredChanged();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    /// <summary>
    /// Reads who holds what: at once when something is given out, and every 10 s while anything is held or about to leave. Otherwise never.
    /// </summary>
    private async Task FollowPodsAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await ListPodsAsync(cancellationToken).ConfigureAwait(false);
                var busy = !Allocator.Ledger.Held.IsEmpty || _podUsage.HasOthers || Kubelet.WaitsForLook;
                await _listSoon
                    .WaitAsync(busy ? _options.Timings.PodResources : Timeout.InfiniteTimeSpan, cancellationToken)
                    .ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private async Task ListPodsAsync(CancellationToken cancellationToken)
    {
        var (reading, asOf) = await _podUse.ReadAsync(cancellationToken).ConfigureAwait(false);
        var before = Allocator.Ledger;
        if (Allocator.Observe(reading, asOf))
            Agent.Wake();
        else if (!ReferenceEquals(before, Allocator.Ledger))
            Agent.WakeForStatus(); // another proof is lacking now
        Kubelet.HoldersLookedAt(reading);
        if (reading is PodUseReading.Listed listed)
            RefreshCheckpoint(listed.Checkpoint);
    }

    /// <summary>
    /// A pod that is gone stays in the kubelet's checkpoint until something makes the kubelet write it, and on a quiet node nothing does:
    /// so we send it a list that it has already.
    /// </summary>
    private void RefreshCheckpoint(CheckpointReading checkpoint)
    {
        var now = _time.GetUtcNow();
        var waiting = Allocator.Ledger.ById.Values.Where(a => a.AbsentSince is not null).Concat(Allocator.Ledger.Earlier.Values);
        if (!waiting.Any(a => checkpoint.MayName(a.Resource, a.Id)))
            return;
        if (_checkpointRefreshed is { } last && now - last < _options.Timings.ReleaseProof.CheckpointRefresh)
            return;
        if (Kubelet.SendAgain())
            _checkpointRefreshed = now;
    }

    /// <summary>Whether the device of an ID was taken by an agent, in this boot or the one before.</summary>
    private bool IsTaken(string id) =>
        Journal.State is var state && state.Ownership.Functions.Keys.Concat(state.InForceBefore ?? []).Any(d => d.ToString() == id);

    private void OnKubeletChanged()
    {
        Agent.WakeForStatus();
        try
        {
            _listSoon.Release();
        }
        catch (Exception e) when (e is SemaphoreFullException or ObjectDisposedException)
        {
            // A look is due already, or the agent has ended.
        }
    }

    [LoggerMessage(EventId = 1002, Level = LogLevel.Warning, Message = "{Damage}")]
    private static partial void ListedUnreadable(ILogger logger, string damage);

    [LoggerMessage(EventId = 1000, Level = LogLevel.Information, Message = "following {Desired}; journal in {State}")]
    private static partial void Started(ILogger logger, string desired, string state);
}
