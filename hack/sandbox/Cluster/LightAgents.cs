using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Sandbox.Cluster;

/// <summary>What light agents are like.</summary>
public sealed record LightAgentOptions
{
    /// <summary>From a new spec to the status that says it is done.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromSeconds(0.2);

    /// <summary>How many devices of a node a policy, named by its key, matches; each is offered.</summary>
    public Func<string, string, int> Matched { get; init; } = (_, _) => 2;

    /// <summary>How many devices a status lists.</summary>
    public int DevicesPerNode { get; init; }

    public int Writers { get; init; } = 8;
}

/// <summary>
/// The agents of many nodes without machines: they follow all NodeDeviceStates by one watch and, for each new spec, write the status that
/// an agent would when everything went well. For an operator they are agents.
/// </summary>
public sealed class LightAgents : IAsyncDisposable
{
    private static readonly WriteOptions s_write = new() { FieldManager = "hostdev-agent", Subresource = "status" };

    private readonly KubeClient _client;
    private readonly LightAgentOptions _options;
    private readonly Informer<NodeDeviceState> _informer;
    private readonly WorkQueue<string> _queue;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _running;

    // A state that was deleted and made again counts its generations anew: the number alone does not say that it was told.
    private readonly ConcurrentDictionary<string, (string? Uid, long Generation)> _told = new(StringComparer.Ordinal);

    /// <param name="client">Theirs from here on.</param>
    public LightAgents(KubeClient client, LightAgentOptions options, TimeProvider time, Random random)
    {
        (_client, _options) = (client, options);
        _informer = new Informer<NodeDeviceState>(
            client,
            HostdevKinds.NodeDeviceStates,
            Selection.Everything,
            time,
            random,
            NullLogger.Instance
        );
        _queue = new WorkQueue<string>(new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1)), time, random);
        _informer.Added += Heard;
        _informer.Changed += (_, now) => Heard(now);
        var controller = new Controller<string>("light-agent", _queue, ReconcileAsync, time, NullLogger.Instance, options.Writers);
        _running = Task.WhenAll(Task.Run(() => _informer.RunAsync(_end.Token)), Task.Run(() => controller.RunAsync(_end.Token)));
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _queue.Dispose();
        _client.Dispose();
        _end.Dispose();
    }

    private void Heard(NodeDeviceState state)
    {
        if (state.Spec is not null && !IsTold(state))
            _queue.AddAfter(state.Metadata.Name, _options.Delay);
    }

    private async Task<ReconcileResult> ReconcileAsync(string node, CancellationToken cancellationToken)
    {
        var key = new ObjectKey(node);
        if (_informer.Store.Find(key) is not { Spec: { } spec } state || IsTold(state))
            return ReconcileResult.Done;
        var status = NodeDeviceStateWriter.ToJson(StatusOf(node, spec, state.Metadata.Generation));
        await _client.MergePatchAsync(
            HostdevKinds.NodeDeviceStates,
            key,
            new JsonObject { ["status"] = status },
            s_write,
            cancellationToken
        );
        _told[node] = (state.Metadata.Uid, state.Metadata.Generation);
        return ReconcileResult.Done;
    }

    private bool IsTold(NodeDeviceState state) =>
        _told.GetValueOrDefault(state.Metadata.Name) == (state.Metadata.Uid, state.Metadata.Generation);

    private NodeDeviceStateStatus StatusOf(string node, JsonElement spec, long generation) =>
        new()
        {
            ObservedGeneration = generation,
            Host = new HostStatus
            {
                Kernel = "6.8.0",
                Architecture = "x86_64",
                BootId = "00000000-0000-4000-8000-000000000000",
                Iommu = true,
                InterruptRemapping = "Yes",
                KernelArguments = [],
                VfioDrivers = ["vfio-pci"],
                Problems = [],
            },
            Devices = [.. Enumerable.Range(0, _options.DevicesPerNode).Select(Device)],
            VirtualFunctions = [],
            Allocations = [],
            Policies = [.. spec.GetProperty("policies").EnumerateArray().Select(p => Result(node, p))],
            Releasing = [],
            Resources = [],
            Conditions = [],
        };

    private PolicyResult Result(string node, JsonElement policy)
    {
        var name = policy.GetProperty("name").GetString()!;
        var matched = _options.Matched(node, name);
        return new PolicyResult
        {
            Kind = policy.GetProperty("kind").GetString()!,
            Name = name,
            Uid = policy.GetProperty("uid").GetString()!,
            Generation = policy.GetProperty("generation").GetInt64(),
            Matched = matched,
            Ready = matched,
            Blocked = 0,
            Ids = matched > 0 ? ["10de:24b0"] : [],
            Reason = matched > 0 ? Reasons.Ready : Reasons.NoMatch,
            Message = matched > 0 ? string.Create(CultureInfo.InvariantCulture, $"{matched} devices offered") : "nothing matches",
            Problems = [],
        };
    }

    private static DeviceStatus Device(int index) =>
        DeviceStatus.Of(new PciAddress(0, (byte)index, 0, 0)) with
        {
            Ids = "10de:24b0",
            Driver = "vfio-pci",
            Pci = new PciDeviceStatus(index, PciClass.Parse("030000")),
            NumaNode = index % 2,
            State = "Offered as example.com/gpu",
        };
}
