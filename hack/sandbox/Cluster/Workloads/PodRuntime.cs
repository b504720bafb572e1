using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Apply;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>
/// The kubelets and the scheduler of Pods that have an owner: it runs what their images name, which is the operator's program and the
/// agent's, in this process. Pods without an owner are somebody's own.
/// </summary>
internal sealed partial class PodRuntime(SimulatedApiServer server, SandboxCluster? cluster, string directory, TimeProvider time)
    : IAsyncDisposable
{
    private const string OperatorProgram = "hostdev-operator";
    private const string AgentProgram = "hostdev-device-plugin";

    /// <summary>By uid of their Pods.</summary>
    private readonly Dictionary<string, PodProcess> _running = [];

    private readonly HashSet<string> _ended = [];

    private IClusterObjects Objects => server.Objects;

    public async Task ReconcileAsync()
    {
        var pods = Objects.List("pods").Where(PodTemplate.HasOwner).ToImmutableArray();
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
            if (Node(pod) is { Length: > 0 } node && pod["spec"].Text("nodeName").Length == 0)
                pod = Bind(pod, node);
            if (Start(pod) is not { } started)
            {
                var reason = cluster is null || pod["spec"].Text("nodeName").Length == 0 ? "NoNode" : "ErrImagePull";
                Report(pod, "Pending", ready: false, State("waiting", ("reason", reason)), 0);
                return;
            }

            _running[uid] = process = started;
            server.Logs.Show(uid, () => started.Log);
        }

        if (process is OperatorPodProcess one)
            await one.RestartEndedAsync();
        if (process.ExitCode is { } code)
        {
            _running.Remove(uid);
            _ended.Add(uid);
            await process.DisposeAsync();
            var (phase, reason) = code == 0 ? ("Succeeded", "Completed") : ("Failed", "Error");
            Report(pod, phase, ready: false, State("terminated", ("exitCode", code), ("reason", reason)), 0);
        }
        else if (!process.ReportsItself)
        {
            Report(pod, "Running", process.IsReady, State("running"), (process as OperatorPodProcess)?.Restarts ?? 0);
        }
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
            _ => null,
        };
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

    /// <summary>
    /// Of this Pod, or the one for it: of those that its selector takes, that with the fewest. Empty where there is none.
    /// </summary>
    private string Node(JsonObject pod)
    {
        if (pod["spec"].Text("nodeName") is { Length: > 0 } bound)
            return bound;
        var selector = pod["spec"].Object("nodeSelector") ?? [];
        var fit = Objects.List("nodes").Where(n => selector.All(s => n["metadata"].Object("labels").Text(s.Key) == s.Value.AsText()));
        var pods = Objects.List("pods").Where(PodTemplate.HasOwner).Select(p => p["spec"].Text("nodeName")).ToImmutableArray();
        return fit.Select(n => n["metadata"].Text("name")).MinBy(n => pods.Count(p => p == n)) ?? "";
    }

    private JsonObject Bind(JsonObject pod, string node)
    {
        var (name, ns) = (pod["metadata"].Text("name"), pod["metadata"].Text("namespace"));
        return Objects.Change("pods", name, p => p["spec"]!["nodeName"] = node, ns, manager: "kube-scheduler");
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

    private void Report(JsonObject pod, string phase, bool ready, JsonObject state, int restarts)
    {
        var (container, now) = (pod["spec"].Objects("containers").First(), ManagedFields.TimeText(time.GetUtcNow()));
        Objects.Change(
            "pods",
            pod["metadata"].Text("name"),
            p =>
            {
                var before = p.Object("status");
                var was = before.Objects("conditions").FirstOrDefault(c => c.Text("type") == "Ready");
                p["status"] = new JsonObject
                {
                    ["phase"] = phase,
                    ["startTime"] = before?["startTime"]?.DeepClone() ?? now,
                    ["conditions"] = new JsonArray(
                        new JsonObject
                        {
                            ["type"] = "Ready",
                            ["status"] = ready ? "True" : "False",
                            ["lastTransitionTime"] =
                                was.Text("status") == (ready ? "True" : "False") ? was.Text("lastTransitionTime") : now,
                        }
                    ),
                    ["containerStatuses"] = new JsonArray(
                        new JsonObject
                        {
                            ["name"] = container.Text("name"),
                            ["image"] = container.Text("image"),
                            ["imageID"] = "",
                            ["ready"] = ready,
                            ["restartCount"] = restarts,
                            ["state"] = state.DeepClone(),
                        }
                    ),
                };
            },
            pod["metadata"].Text("namespace"),
            "status",
            "kubelet"
        );
    }

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
