using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;
using Hostdev.Sandbox.Kubelet;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>
/// What runs for an image that is no program of ours: it is admitted with what the Pod asks for, opens that as a VMM does, and does nothing
/// else until its Pod goes. All containers of a Pod count as one.
/// </summary>
internal sealed class DevicePodProcess : PodProcess
{
    /// <summary>The kubelet's backoff begins with ten seconds.</summary>
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _end = new();
    private readonly ClusterNode _node;
    private readonly string _namespace;
    private readonly string _name;
    private readonly string _address;
    private readonly Task<SimulatedPod> _start;
    private volatile SimulatedPod? _waiting;

    /// <param name="address">Of the Pod.</param>
    public DevicePodProcess(ClusterNode node, JsonObject pod, string address, TimeProvider time)
    {
        (_node, _address) = (node, address);
        (_namespace, _name) = (pod["metadata"].Text("namespace"), pod["metadata"].Text("name"));
        _start = Task.Run(() => StartAsync([.. PodRequests.Of(pod).Select(r => new DeviceRequest(r.Key, r.Value))], time));
    }

    public override PodStanding Standing
    {
        get
        {
            if (!_start.IsCompleted)
                return _waiting is { } waiting ? new PodStanding.Waiting(waiting.Reason, waiting.Message) : new PodStanding.Untold();
            if (!_start.IsCompletedSuccessfully)
                return new PodStanding.Ended(1);
            return _start.Result.Phase == PodPhase.Failed
                ? new PodStanding.Rejected(_start.Result.Reason, $"Pod was rejected: {_start.Result.Message}")
                : new PodStanding.Running(IsReady: true, Address: _address);
        }
    }

    public override string Log
    {
        get
        {
            if (_start.IsFaulted)
                return $"{_start.Exception.InnerException!.Message}\n";
            if (!_start.IsCompletedSuccessfully)
                return "";
            var (pod, text) = (_start.Result, new StringBuilder());
            foreach (var (resource, ids) in pod.Devices)
                text.Append(resource).Append(": ").AppendJoin(' ', ids).Append('\n');
            foreach (var (name, value) in pod.Envs)
                text.Append(name).Append('=').Append(value).Append('\n');
            foreach (var node in pod.DeviceNodes)
                text.Append(node).Append('\n');
            return text.Length == 0 ? "It has no devices.\n" : text.ToString();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await ((Task)_start).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _node.EndVm(_name, _namespace);
        _end.Dispose();
    }

    private async Task<SimulatedPod> StartAsync(ImmutableArray<DeviceRequest> requests, TimeProvider time)
    {
        var pod = await _node.StartVmAsync(_namespace, _name, requests);
        while (pod.Phase == PodPhase.Waiting)
        {
            _waiting = pod;
            await Task.Delay(s_retry, time, _end.Token);
            pod = await _node.RestartVmAsync(_namespace, _name);
        }

        return pod;
    }
}
