using System.Text.Json.Nodes;
using System.Threading.Channels;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>How the agent reaches its NodeDeviceState.</summary>
/// <param name="Node">The Node's name, which is the state's name.</param>
/// <param name="Instance">Which agent this is, in Events: its Pod's name.</param>
public sealed record NodeStateOptions(KubeClient Client, string Node, string Instance)
{
    /// <summary>Between two writes of the status, at least; the first after a quiet time is made at once.</summary>
    public TimeSpan StatusInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The first request is made within this time, at random: all agents of a cluster may start at once.</summary>
    public TimeSpan StartJitter { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>
/// This node's NodeDeviceState in the API server: its spec is followed, its status is written, transitions are told as Events. While the API server is away, or the object is not there,
/// what is in force stays: absence is not an empty spec.
/// </summary>
public sealed partial class NodeStateConnection : IDesiredSource, IStatusSink
{
    private static readonly WriteOptions StatusWrite = new() { FieldManager = "hostdev-agent", Subresource = "status" };
    private static readonly Backoff Retry = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));

    private readonly NodeStateOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger<NodeStateConnection> _logger;
    private readonly Informer<NodeDeviceState> _informer;
    private readonly TransitionEvents _events;
    private readonly Channel<bool> _changed = Latest<bool>();
    private readonly Channel<NodeDeviceStateStatus> _statuses = Latest<NodeDeviceStateStatus>();
    private (string? Uid, long Generation) _taken;
    private NodeDeviceStateStatus? _written;

    public NodeStateConnection(NodeStateOptions options, TimeProvider time, Random random, ILoggerFactory loggers)
    {
        (_options, _time, _random, _logger) = (options, time, random, loggers.CreateLogger<NodeStateConnection>());
        _informer = new Informer<NodeDeviceState>(options.Client, HostdevKinds.NodeDeviceStates, new Selection { Fields = $"metadata.name={options.Node}" }, time, random, loggers.CreateLogger<Informer<NodeDeviceState>>());
        _informer.Added += _ => Wake();
        _informer.Changed += (_, _) => Wake();
        _informer.Deleted += _ => Wake();
        _events = new TransitionEvents(options, time, random, loggers);
    }

    public string Description => $"NodeDeviceState {_options.Node}";

    /// <summary>The object as it was last heard of; null before that, and while it is not there.</summary>
    private NodeDeviceState? Current => _informer.Store.Find(new ObjectKey(_options.Node));

    /// <summary>Runs until the token is cancelled; nothing that the API server does ends it.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(_options.StartJitter * _random.NextDouble(), _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_informer.RunAsync(cancellationToken), ListedAsync(cancellationToken), WriteStatusesAsync(cancellationToken), _events.RunAsync(cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public bool Read(DesiredState state) => false; // everything comes over the network

    /// <inheritdoc/>
    public async Task NextAsync(DesiredState state, CancellationToken cancellationToken)
    {
        while (true)
        {
            await _changed.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (Take(state)) return;
        }
    }

    /// <inheritdoc/>
    public void Write(NodeDeviceStateStatus status) => _statuses.Writer.TryWrite(status);

    public void Dispose()
    {
        // Everything it has belongs to the tasks that RunAsync awaits.
    }

    private bool Take(DesiredState state)
    {
        if (Current is not { } current) return state.Refuse($"{Description} is not there: what was in force stays. The operator makes it again when it runs and the CRDs are installed");
        if (current.Spec is not { } spec) return state.Refuse($"{Description} has no spec yet: what was in force stays. The operator writes it when it runs");
        if (_taken == (current.Metadata.Uid, current.Metadata.Generation) && state.Problem is null) return false;
        _taken = (current.Metadata.Uid, current.Metadata.Generation);
        return state.Offer(Description, spec.GetRawText(), current.Metadata.Generation);
    }

    /// <summary>That nothing is there is news too.</summary>
    private async Task ListedAsync(CancellationToken cancellationToken)
    {
        await _informer.Synced.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Wake();
    }

    private void Wake()
    {
        _changed.Writer.TryWrite(true);
    }

    private async Task WriteStatusesAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _informer.Synced.WaitAsync(cancellationToken).ConfigureAwait(false);
            while (true)
            {
                var status = await _statuses.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                await WriteAsync(status, cancellationToken).ConfigureAwait(false);
                await Task.Delay(_options.StatusInterval, _time, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopped: the next agent writes anew.
        }
    }

    /// <summary>Writes until it is written, or a newer one has come.</summary>
    private async Task WriteAsync(NodeDeviceStateStatus status, CancellationToken cancellationToken)
    {
        for (var failures = 1; ; failures++)
        {
            var problem = await TryWriteAsync(status, cancellationToken).ConfigureAwait(false);
            if (problem is null) return;
            if (failures == 1) NotWritten(_logger, Description, problem);
            await Task.Delay(Retry.After(failures, _random), _time, cancellationToken).ConfigureAwait(false);
            if (_statuses.Reader.TryRead(out var newer)) status = newer;
        }
    }

    private async Task<string?> TryWriteAsync(NodeDeviceStateStatus status, CancellationToken cancellationToken)
    {
        if (Current is not { } current) return $"{Description} is not there";
        var last = _written ?? current.Status;
        var before = last is null ? [] : NodeDeviceStateWriter.ToJson(last).AsObject();
        var now = NodeDeviceStateWriter.ToJson(StatusStamp.Times(StatusLimit.Cut(status), last, _time.GetUtcNow())).AsObject();
        _events.Tell(current, status);
        if (MergePatch.Between(before, now) is not { } patch) return null;
        try
        {
            var written = await _options.Client.MergePatchAsync(HostdevKinds.NodeDeviceStates, new ObjectKey(_options.Node), new JsonObject { ["status"] = patch }, StatusWrite, cancellationToken).ConfigureAwait(false);
            _written = written.Status;
            return null;
        }
        catch (Exception e) when (e is KubeApiException or KubeTransportException or KubeProtocolException or KubeConfigurationException)
        {
            _written = null; // whether it took effect is not known
            return e.Message;
        }
    }

    private static Channel<T> Latest<T>() => Channel.CreateBounded<T>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    [LoggerMessage(EventId = 1201, Level = LogLevel.Warning, Message = "the status of {State} is not written: {Problem} It is tried again and not said again")]
    private static partial void NotWritten(ILogger logger, string state, string problem);
}
