using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>
/// Keeps the status in the API server as the agent said it last, whoever changes it and whatever becomes of the object. Writes what differs
/// from what is known to stand there, and all of it where that is not known; nothing where nothing differs.
/// </summary>
internal sealed partial class NodeStatusWriter(
    NodeStateOptions options,
    Informer<NodeDeviceState> informer,
    TransitionEvents events,
    TimeProvider time,
    TimeProvider clock,
    Random random,
    ILogger logger
)
{
    // A field that an older CRD does not know is no reason to report nothing.
    private static readonly WriteOptions Status = new()
    {
        FieldManager = "hostdev-agent",
        Subresource = "status",
        FieldValidation = FieldValidation.Warn,
    };
    private static readonly Backoff Retry = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));

    /// <summary>For so long the server is not asked again for what it refused: its CRD may have been replaced.</summary>
    private static readonly TimeSpan RefusalLasts = TimeSpan.FromMinutes(5);

    private readonly ObjectKey _key = new(options.Node);
    private readonly Channel<bool> _due = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true }
    );
    private readonly ReadyGenerations _ready = new();
    private volatile NodeDeviceStateStatus? _status;

    // Only the loop has these.
    private WrittenStatus? _written;
    private (JsonObject Asked, JsonObject Got)? _taken; // what the server made of a whole status: it leaves out what its CRD does not know
    private bool _unsure; // what stands there is not known
    private (JsonNode Asked, string Words, long Timestamp)? _refused;
    private bool _said;

    private enum Outcome
    {
        Nothing,
        Written,
        Refused,
        Failed,
    }

    private string State => $"NodeDeviceState {options.Node}";

    /// <summary>This is the status from now on. Never waits.</summary>
    public void Offer(NodeDeviceStateStatus status)
    {
        _ready.Learn(status);
        _status = status;
        Look();
    }

    /// <summary>The object is another one now: looks whether the status still stands in it.</summary>
    public void Look() => _due.Writer.TryWrite(true);

    /// <summary>Runs until the token is cancelled; the next agent goes on from what stands there.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await informer.Synced.WaitAsync(cancellationToken).ConfigureAwait(false);
            for (var failures = 0; ; )
            {
                if (failures == 0)
                    await DueAsync(cancellationToken).ConfigureAwait(false);
                var outcome = await WriteAsync(cancellationToken).ConfigureAwait(false);
                failures = outcome == Outcome.Failed ? failures + 1 : 0;
                if (outcome == Outcome.Nothing)
                    continue;
                await Task.Delay(failures > 0 ? Retry.After(failures, random) : options.StatusInterval, time, cancellationToken)
                    .ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopped.
        }
    }

    private async Task DueAsync(CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(
            Lag is { } lag ? TimeSpan.FromTicks(Math.Max(0, (WrittenStatus.Patience - lag).Ticks)) : Timeout.InfiniteTimeSpan,
            time
        );
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            await _due.Reader.ReadAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The watch should have brought our write by now.
        }
    }

    /// <summary>For how long the watch has not brought our last write; null when it has.</summary>
    private TimeSpan? Lag =>
        _written is { } written && informer.Store.Find(_key) is { } stored && written.IsAheadOf(stored)
            ? time.GetElapsedTime(written.Timestamp)
            : null;

    private async Task<Outcome> WriteAsync(CancellationToken cancellationToken)
    {
        if (_status is not { } status)
            return Outcome.Nothing;
        if (informer.Store.Find(_key) is not { } stored)
        {
            Say("the object is not there, the operator makes it."); // and when it is, the informer tells
            return Outcome.Nothing;
        }

        if (Lag >= WrittenStatus.Patience)
            _unsure = true;
        var known = _written is { } written && written.IsAheadOf(stored) ? written.Answer : stored;
        var stands = _unsure ? null : Object(known);
        var whole = StatusLimit.Cut(_ready.Stamp(status, known.StatusText) with { Follows = NodeDeviceStateSpec.Follows });
        var isRefused = IsRefused(whole);
        var wanted = isRefused ? StatusLimit.Refused(whole, _refused!.Value.Words) : whole;
        var now = NodeDeviceStateWriter
            .ToJson(StatusStamp.Times(wanted, NodeDeviceStateReader.ReadConditions(known.StatusText), clock.GetUtcNow()))
            .AsObject();
        var (outcome, problem) =
            stands is not null && Has(stands, now)
                ? (Outcome.Nothing, "")
                : await SendAsync(stored, stands, now, cancellationToken).ConfigureAwait(false);
        if (outcome == Outcome.Refused && !isRefused)
        {
            Refuse(whole, problem);
            return await WriteAsync(cancellationToken).ConfigureAwait(false);
        }

        if (outcome is Outcome.Refused or Outcome.Failed)
        {
            Say(problem);
            return Outcome.Failed;
        }

        _said = false;
        if (!isRefused)
            _refused = null;
        events.Tell(known, status with { Conditions = wanted.Conditions });
        return outcome;
    }

    private bool IsRefused(NodeDeviceStateStatus whole) =>
        _refused is { } refused
        && time.GetElapsedTime(refused.Timestamp) < RefusalLasts
        && JsonNode.DeepEquals(refused.Asked, NodeDeviceStateWriter.ToJson(whole));

    private void Refuse(NodeDeviceStateStatus whole, string words)
    {
        if (_refused is null)
            StatusRefused(logger, State, words);
        _refused = (NodeDeviceStateWriter.ToJson(whole), words, time.GetTimestamp());
    }

    /// <summary>Whether this is what stands there, or what the server makes of it.</summary>
    private bool Has(JsonObject stands, JsonObject now) =>
        JsonNode.DeepEquals(stands, now)
        || (_taken is { } taken && JsonNode.DeepEquals(taken.Asked, now) && JsonNode.DeepEquals(taken.Got, stands));

    /// <param name="stands">Null where it is not known: the whole status is put in its place then, and what else stands there goes.</param>
    /// <returns>With what went wrong; with the server's words where it refused.</returns>
    private async Task<(Outcome Outcome, string Problem)> SendAsync(
        NodeDeviceState stored,
        JsonObject? stands,
        JsonObject now,
        CancellationToken cancellationToken
    )
    {
        try
        {
            var answer =
                stands is not null && MergePatch.Between(stands, now) is { } patch
                    ? await options
                        .Client.MergePatchAsync(
                            HostdevKinds.NodeDeviceStates,
                            _key,
                            new JsonObject { ["status"] = patch },
                            Status,
                            cancellationToken
                        )
                        .ConfigureAwait(false)
                    : await options
                        .Client.JsonPatchAsync(HostdevKinds.NodeDeviceStates, _key, Whole(now), Status, cancellationToken)
                        .ConfigureAwait(false);
            var got = Object(answer);
            _written = new WrittenStatus(stored.Metadata.ResourceVersion, answer, time.GetTimestamp());
            _taken = stands is null && got is not null ? (now, got) : null;
            _unsure = stands is not null && !JsonNode.DeepEquals(got, now); // the difference was to something else than what stood there
            if (_unsure)
                Look();
            return (Outcome.Written, "");
        }
        catch (KubeApiException e) when (e.IsInvalid || e.IsBadRequest)
        {
            if (stands is null)
                return (Outcome.Refused, e.Status.Message);
            // Laid over what stands there now it may make no status, as over that of an object which was made again.
            return await SendAsync(stored, null, now, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is KubeApiException or KubeTransportException or KubeProtocolException or KubeConfigurationException)
        {
            _unsure = true; // whether it took effect is not known
            return (Outcome.Failed, e.Message);
        }
    }

    /// <summary>RFC 6902: to add a member that is there is to replace it.</summary>
    private static JsonArray Whole(JsonObject now) =>
        new(
            new JsonObject
            {
                ["op"] = "add",
                ["path"] = "/status",
                ["value"] = now.DeepClone(),
            }
        );

    private static JsonObject? Object(NodeDeviceState state) =>
        state.StatusText is { ValueKind: JsonValueKind.Object } text ? JsonObject.Create(text) : null;

    private void Say(string problem)
    {
        if (!_said)
            NotWritten(logger, State, problem);
        _said = true;
    }

    [LoggerMessage(
        EventId = 1201,
        Level = LogLevel.Warning,
        Message = "the status of {State} is not written: {Problem} It is tried again and not said again"
    )]
    private static partial void NotWritten(ILogger logger, string state, string problem);

    [LoggerMessage(
        EventId = 1202,
        Level = LogLevel.Error,
        Message = "the API server refuses the status of {State}, and only the host's facts are reported: {Words} Devices "
            + "are served as before. Apply the CRDs of this version; if they are, please report it as a bug"
    )]
    private static partial void StatusRefused(ILogger logger, string state, string words);
}
