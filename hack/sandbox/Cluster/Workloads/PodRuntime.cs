using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Apply;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>
/// The kubelets of Pods: what their images name, which is the operator's program and the agent's, runs in this process. Where the cluster
/// runs any Pod, one of another image is given the devices that it asks for.
/// </summary>
/// <param name="takesPod">Which Pods are run; others are somebody's own.</param>
internal sealed partial class PodRuntime(
    SimulatedApiServer server,
    SandboxCluster? cluster,
    string directory,
    PodEvents events,
    Func<JsonObject, bool> takesPod,
    TimeProvider time
) : IAsyncDisposable
{
    private const string OperatorProgram = "hostdev-operator";
    private const string AgentProgram = "hostdev-device-plugin";

    /// <summary>By uid of their Pods.</summary>
    private readonly Dictionary<string, PodProcess> _running = [];

    private readonly HashSet<string> _ended = [];

    private int _addresses;

    private IClusterObjects Objects => server.Objects;

    public async Task ReconcileAsync()
    {
        var pods = Objects.List("pods").Where(takesPod).ToImmutableArray();
        foreach (var uid in _running.Keys.Concat(_ended).Except(pods.Select(p => p["metadata"].Text("uid"))).ToList())
            await EndAsync(uid);
        foreach (var pod in pods)
        {
            if (PodTemplate.IsDeleting(pod))
                await RemoveAsync(pod);
            else if (!_ended.Contains(pod["metadata"].Text("uid")))
                await LookAsync(pod);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var uid in _running.Keys.ToList())
            await EndAsync(uid);
    }

    private async Task LookAsync(JsonObject pod)
    {
        var uid = pod["metadata"].Text("uid");
        if (!_running.TryGetValue(uid, out var process))
        {
            var node = pod["spec"].Text("nodeName");
            if (node.Length == 0 && cluster is { Nodes.IsEmpty: false })
                return; // it is the scheduler's still
            if (Start(pod) is not { } started)
            {
                var reason = cluster?.Nodes.Any(n => n.Name == node) == true ? "ErrImagePull" : "NoNode";
                Report(pod, "Pending", ready: false, State("waiting", ("reason", reason)));
                return;
            }

            _running[uid] = process = started;
            server.Logs.Show(uid, () => started.Log);
        }

        if (process is OperatorPodProcess one)
            await one.RestartEndedAsync();
        switch (process.Standing)
        {
            case PodStanding.Running running:
                Report(pod, "Running", running.IsReady, State("running"), running.Restarts, running.Address);
                break;
            case PodStanding.Waiting waiting:
                Report(pod, "Pending", ready: false, State("waiting", ("reason", waiting.Reason), ("message", waiting.Message)));
                break;
            case PodStanding.Ended ended:
                await FinishAsync(uid, process);
                var (phase, reason) = ended.ExitCode == 0 ? ("Succeeded", "Completed") : ("Failed", "Error");
                Report(pod, phase, ready: false, State("terminated", ("exitCode", ended.ExitCode), ("reason", reason)));
                break;
            case PodStanding.Rejected rejected:
                await FinishAsync(uid, process);
                Reject(pod, rejected);
                break;
        }
    }

    /// <summary>Nothing of it runs any more, and its Pod is still there: its log can be read.</summary>
    private async Task FinishAsync(string uid, PodProcess process)
    {
        _running.Remove(uid);
        _ended.Add(uid);
        await process.DisposeAsync();
    }

    /// <summary>A name that no resolver finds (RFC 6761): its image cannot be had.</summary>
    private static bool IsOfNoRegistry(JsonObject pod) =>
        pod["spec"].Objects("containers").First().Text("image").Split('/')[0].EndsWith(".invalid", StringComparison.Ordinal);

    private PodProcess? Start(JsonObject pod)
    {
        if (IsOfNoRegistry(pod))
            return null;
        var (program, arguments, name) = (PodTemplate.Program(pod), PodTemplate.Arguments(pod), pod["metadata"].Text("name"));
        var node = cluster?.Nodes.FirstOrDefault(n => n.Name == pod["spec"].Text("nodeName"));
        return (program, arguments.FirstOrDefault()) switch
        {
            (AgentProgram, "run") when node is not null => new AgentPodProcess(node),
            (OperatorProgram, "run") when node is not null => new OperatorPodProcess(cluster!, name, arguments.Contains("--node-labels")),
            (OperatorProgram, not "run") => Command(pod, arguments),
            (not (OperatorProgram or AgentProgram), _) when node is not null && cluster!.RunsAnyPod => new DevicePodProcess(
                node,
                pod,
                NextAddress(),
                time
            ),
            _ => null,
        };
    }

    /// <summary>Of a Pod, of the network that kubeadm's documentation gives them; they begin anew after 16 million.</summary>
    private string NextAddress()
    {
        var next = ++_addresses;
        return string.Create(CultureInfo.InvariantCulture, $"10.{244 + (next >> 16) % 12}.{(next >> 8) & 0xff}.{next & 0xff}");
    }

    private CommandPodProcess Command(JsonObject pod, ImmutableArray<string> arguments)
    {
        var metadata = pod["metadata"];
        var account = pod["spec"].Text("serviceAccountName") is { Length: > 0 } given ? given : "default";
        var node = pod["spec"].Text("nodeName");
        var user = ApiUser.ServiceAccount(metadata.Text("namespace"), account, node.Length == 0 ? null : node, metadata.Text("name"));
        var token = server.AddUser(user);
        var kubeconfig = Path.Combine(directory, $"pod-{metadata.Text("uid")}.kubeconfig");
        server.WriteKubeconfig(kubeconfig, token);
        var filled = arguments.Select(a => Variable().Replace(a, v => ValueOf(pod, v.Groups[1].Value) ?? v.Value));
        return new CommandPodProcess(
            filled,
            kubeconfig,
            () =>
            {
                server.RevokeToken(token);
                File.Delete(kubeconfig);
            }
        );
    }

    private static string? ValueOf(JsonObject pod, string variable)
    {
        var entry = pod["spec"].Objects("containers").First().Objects("env").FirstOrDefault(e => e.Text("name") == variable);
        return entry.Object("valueFrom").Object("fieldRef").Text("fieldPath") switch
        {
            "metadata.namespace" => pod["metadata"].Text("namespace"),
            "metadata.name" => pod["metadata"].Text("name"),
            "spec.nodeName" => pod["spec"].Text("nodeName"),
            "spec.serviceAccountName" => pod["spec"].Text("serviceAccountName"),
            _ => entry?["value"].AsText(),
        };
    }

    private async Task RemoveAsync(JsonObject pod)
    {
        await EndAsync(pod["metadata"].Text("uid"));
        server.DeleteNow("pods", pod["metadata"].Text("name"), pod["metadata"].Text("namespace"));
    }

    private async Task EndAsync(string uid)
    {
        if (_running.Remove(uid, out var process))
            await process.DisposeAsync();
        _ended.Remove(uid);
        server.Logs.Forget(uid);
    }

    /// <summary>What a kubelet leaves of a Pod that it did not admit (pkg/kubelet/kubelet.go, <c>rejectPod</c>).</summary>
    private void Reject(JsonObject pod, PodStanding.Rejected rejected)
    {
        Tell(
            pod,
            status =>
            {
                (status["phase"], status["reason"], status["message"]) = ("Failed", rejected.Reason, rejected.Message);
                status["startTime"] ??= Now;
            }
        );
        events.Write(pod, "Warning", rejected.Reason, rejected.Message, "kubelet");
    }

    private void Report(JsonObject pod, string phase, bool ready, JsonObject state, int restarts = 0, string address = "") =>
        Tell(
            pod,
            status =>
            {
                var before = (JsonObject)status.DeepClone();
                var (was, now) = (Condition(before), ready ? "True" : "False");
                status["phase"] = phase;
                status["startTime"] ??= Now;
                status["conditions"] = new JsonArray([
                    .. before.Objects("conditions").Where(c => c.Text("type") != "Ready").Select(c => c.DeepClone()),
                    new JsonObject
                    {
                        ["type"] = "Ready",
                        ["status"] = now,
                        ["lastTransitionTime"] = was.Text("status") == now ? was.Text("lastTransitionTime") : Now,
                    },
                ]);
                if (address.Length > 0)
                    (status["podIP"], status["podIPs"]) = (address, new JsonArray(new JsonObject { ["ip"] = address }));
                status["containerStatuses"] = new JsonArray([
                    .. pod["spec"]
                        .Objects("containers")
                        .Select(c => new JsonObject
                        {
                            ["name"] = c.Text("name"),
                            ["image"] = c.Text("image"),
                            ["imageID"] = "",
                            ["ready"] = ready,
                            ["restartCount"] = restarts,
                            ["state"] = Since(state, status.Text("startTime")),
                        }),
                ]);
            }
        );

    private static JsonNode Since(JsonObject state, string start)
    {
        var told = (JsonObject)state.DeepClone();
        if (told.Object("running") is { } running)
            running["startedAt"] = start;
        return told;
    }

    private void Tell(JsonObject pod, Action<JsonObject> tell) =>
        Objects.Change(
            "pods",
            pod["metadata"].Text("name"),
            p => tell(p.Ensure("status")),
            pod["metadata"].Text("namespace"),
            "status",
            "kubelet"
        );

    private string Now => ManagedFields.TimeText(time.GetUtcNow());

    private static JsonObject? Condition(JsonObject status) => status.Objects("conditions").FirstOrDefault(c => c.Text("type") == "Ready");

    private static JsonObject State(string name, params ReadOnlySpan<(string Key, JsonNode Value)> fields)
    {
        var state = new JsonObject();
        foreach (var (key, value) in fields)
            state[key] = value;
        return new JsonObject { [name] = state };
    }

    [GeneratedRegex(@"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")]
    private static partial Regex Variable();
}
