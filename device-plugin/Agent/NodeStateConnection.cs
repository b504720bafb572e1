using System.Threading.Channels;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Following;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// This node's NodeDeviceState in the API server: its spec is followed, its status is written, transitions are told as Events. While the
/// API server is away, or the object is not there, what is in force stays: absence is not an empty spec.
/// </summary>
public sealed partial class NodeStateConnection : IDesiredSource, IStatusSink
{
    private readonly NodeStateOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger<NodeStateConnection> _logger;
    private readonly Informer<NodeDeviceState> _informer;
    private readonly TransitionEvents _events;
    private readonly NodeStatusWriter _writer;
    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true }
    );
    private (string? Uid, long Generation) _taken;

    /// <param name="time">Of waits.</param>
    /// <param name="clock">Of what others read: one that is right as soon as the host's clock is, and may step.</param>
    public NodeStateConnection(NodeStateOptions options, TimeProvider time, TimeProvider clock, Random random, ILoggerFactory loggers)
    {
        (_options, _time, _random, _logger) = (options, time, random, loggers.CreateLogger<NodeStateConnection>());
        _informer = new Informer<NodeDeviceState>(
            options.Client,
            HostdevKinds.NodeDeviceStates,
            new Selection { Fields = $"metadata.name={options.Node}" },
            time,
            random,
            loggers.CreateLogger<Informer<NodeDeviceState>>()
        );
        _events = new TransitionEvents(options, clock, random, loggers);
        _writer = new NodeStatusWriter(options, _informer, _events, time, clock, random, _logger);
        _informer.Added += _ => Wake();
        _informer.Changed += (_, _) => Wake();
        _informer.Deleted += _ => Wake();
    }

    public string Description => $"NodeDeviceState {_options.Node}";

    /// <summary>The object as it was last heard of; null before that, and while it is not there.</summary>
    private NodeDeviceState? Current => _informer.Store.Find(new ObjectKey(_options.Node));

    /// <summary>Runs until the token is cancelled; nothing that the API server does ends it.</summary>
    /// <exception cref="Exception">A bug ended one of its tasks. The others are ended too: an agent that follows and does not report, or
    /// the other way round, looks well and is not.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(_options.StartJitter * _random.NextDouble(), _time, cancellationToken)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] lasting = [_informer.RunAsync(all.Token), _writer.RunAsync(all.Token), _events.RunAsync(all.Token)];
        var listed = ListedAsync(all.Token);
        var ended = await Task.WhenAny(lasting).ConfigureAwait(false);
        if (ended.Exception?.GetBaseException() is { } bug)
            Broken(_logger, bug, Description);
        await all.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll([listed, .. lasting]).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public bool Read(DesiredState state) => false; // everything comes over the network

    /// <inheritdoc/>
    public async Task NextAsync(DesiredState state, CancellationToken cancellationToken)
    {
        while (true)
        {
            await _changed.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (Take(state))
                return;
        }
    }

    /// <inheritdoc/>
    public void Write(NodeDeviceStateStatus status) => _writer.Offer(status);

    public void Dispose()
    {
        // Everything it has belongs to the tasks that RunAsync awaits.
    }

    private bool Take(DesiredState state)
    {
        if (Current is not { } current)
            return state.Refuse(
                $"{Description} is not there: what was in force stays. The operator makes it again when it runs and the CRDs are installed"
            );
        if (current.Spec is not { } spec)
            return state.Refuse($"{Description} has no spec yet: what was in force stays. The operator writes it when it runs");
        if (_taken == (current.Metadata.Uid, current.Metadata.Generation) && state.Problem is null)
            return false;
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
        _writer.Look();
    }

    [LoggerMessage(
        EventId = 1203,
        Level = LogLevel.Error,
        Message = "{State} is not followed and reported any more, so the agent ends and leaves every device as it is; this "
            + "is a bug in Hostdev, please report it"
    )]
    private static partial void Broken(ILogger logger, Exception exception, string state);
}
