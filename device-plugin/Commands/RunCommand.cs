using System.CommandLine;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Telemetry;
using Microsoft.Extensions.Logging;

namespace Hostdev.DevicePlugin.Commands;

/// <summary><c>hostdev-device-plugin run</c>: the agent of one machine, following a file or its node's state in the API server.</summary>
public static class RunCommand
{
    private static string Version => typeof(RunCommand).Assembly.GetName().Version?.ToString(3) ?? "0";

    public static Command Create()
    {
        var desired = new Option<string>("--desired")
        {
            Description =
                "Without a cluster: a file with the desired state (the spec of a NodeDeviceState, YAML or JSON). Followed while running.",
        };
        var node = new Option<string>("--node-name")
        {
            Description = "In a cluster: the Node this host is, whose NodeDeviceState is followed and whose status is written.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("NODE_NAME") ?? "",
        };
        var kubeconfig = new Option<string>("--kubeconfig")
        {
            Description = "How to reach the API server from outside a Pod; inside one its service account is used.",
        };
        var status = new Option<string>("--status")
        {
            Description = "With --desired, where the status goes: YAML for .yaml, JSON otherwise. Rewritten whole when it changes.",
        };
        var state = new Option<string>("--state-dir")
        {
            Description = "The journal and what else must outlive a restart.",
            DefaultValueFactory = _ => AgentOptions.DefaultStateDirectory,
        };
        var kubelet = new Option<string>("--kubelet-dir")
        {
            Description = "The kubelet's device plugin directory.",
            DefaultValueFactory = _ => KubeletApi.DefaultDevicePluginDirectory,
        };
        var hidden = new Option<bool>("--hidden-kubelet")
        {
            Description =
                "The kubelet runs in a PID namespace that this process does not see: processes of such namespaces may call the sockets of "
                + "resources. Otherwise the kubelet alone may.",
        };
        var pods = new Option<string>("--pod-resources")
        {
            Description = "The kubelet's pod-resources socket.",
            DefaultValueFactory = _ => KubeletApi.DefaultPodResourcesSocket,
        };
        var podName = new Option<string>("--pod-name")
        {
            Description = "The agent's own pod, where it runs in one.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("POD_NAME") ?? "",
        };
        var podNamespace = new Option<string>("--pod-namespace")
        {
            Description = "The namespace of the agent's own pod.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("POD_NAMESPACE") ?? "",
        };
        var listen = new Option<string>("--listen")
        {
            Description = "Where /healthz, /readyz and /metrics are served, for example :9476 or 127.0.0.1:9476. Nowhere without it.",
        };
        var authenticate = new Option<bool>("--authenticate-metrics")
        {
            Description = "Ask the API server about whoever reads /metrics: his token must be allowed to get that path. Needs --node-name.",
        };
        var logs = new LogSettings();
        var command = new Command("run", "Bring this host's devices to the desired state, offer them to the kubelet, and give them back.")
        {
            desired,
            status,
            node,
            kubeconfig,
            state,
            kubelet,
            hidden,
            pods,
            podName,
            podNamespace,
            listen,
            authenticate,
        };
        foreach (var option in logs.Options)
            command.Options.Add(option);
        command.SetAction(
            (parsed, cancellationToken) =>
                RunAsync(
                    new AgentOptions
                    {
                        DesiredFile = parsed.GetValue(desired),
                        StatusFile = parsed.GetValue(status),
                        StateDirectory = parsed.GetValue(state)!,
                        KubeletDirectory = parsed.GetValue(kubelet)!,
                        HiddenKubelet = parsed.GetValue(hidden),
                        PodResourcesSocket = parsed.GetValue(pods)!,
                        OwnPod = parsed.GetValue(podName) is { Length: > 0 } pod
                            ? new OwnPod(parsed.GetValue(podNamespace) ?? "", pod)
                            : null,
                    },
                    parsed.GetValue(node) is { Length: > 0 } name ? name : null,
                    parsed.GetValue(kubeconfig),
                    parsed.GetValue(listen),
                    parsed.GetValue(authenticate),
                    () => logs.Create(parsed),
                    cancellationToken
                )
        );
        return command;
    }

    private static async Task<int> RunAsync(
        AgentOptions options,
        string? node,
        string? kubeconfig,
        string? listen,
        bool authenticate,
        Func<ILoggerFactory> openLog,
        CancellationToken cancellationToken
    )
    {
        if (options.DesiredFile is null == node is null)
        {
            await Console
                .Error.WriteLineAsync(
                    node is null
                        ? "hostdev-device-plugin: nothing to follow: give --node-name (NODE_NAME) in a cluster, or "
                            + "--desired with a file on a single machine"
                        : "hostdev-device-plugin: --desired and --node-name (NODE_NAME) are both given: two sources "
                            + "would undo each other's work; give one of them"
                )
                .ConfigureAwait(false);
            return 1;
        }

        if (authenticate && node is null)
        {
            await Console
                .Error.WriteLineAsync(
                    "hostdev-device-plugin: --authenticate-metrics asks an API server, which there is none of with --desired: "
                        + "give --listen an address of your own, for example 127.0.0.1:9476"
                )
                .ConfigureAwait(false);
            return 1;
        }

        if (options.StatusFile is { } status && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(status))))
        {
            await Console
                .Error.WriteLineAsync($"hostdev-device-plugin: --status is {status}, whose directory does not exist: make it first")
                .ConfigureAwait(false);
            return 1;
        }

        if (options.OwnPod is { Namespace.Length: 0 })
        {
            await Console
                .Error.WriteLineAsync(
                    $"hostdev-device-plugin: --pod-name (POD_NAME) is {options.OwnPod.Name}, but --pod-namespace "
                        + "(POD_NAMESPACE) is not given: the kubelet's list is searched for both"
                )
                .ConfigureAwait(false);
            return 1;
        }

        using var loggers = openLog();
        var paths = new HostPaths("/");
        var missing = HostAccess.Missing(paths);
        if (!missing.IsEmpty)
        {
            await Console
                .Error.WriteLineAsync(
                    "hostdev-device-plugin: nothing is done, because the agent could not see who uses a "
                        + $"device:\n{string.Join('\n', missing.Select(m => $"  - {m}"))}"
                )
                .ConfigureAwait(false);
            return 1;
        }

        var machine = new AgentMachine(paths, new LinuxHostCalls(paths), UeventSource.Open);
        try
        {
            using var client = node is null
                ? null
                : new KubeClient(
                    KubeConfiguration.Find(kubeconfig, null, TimeProvider.System, Environment.GetEnvironmentVariable),
                    $"hostdev-device-plugin/{Version}",
                    TimeProvider.System,
                    loggers.CreateLogger<KubeClient>()
                );
            if (client is not null)
                options = options with { NodeState = new NodeStateOptions(client, node!, options.OwnPod?.Name ?? node!) };
            using var metrics = new AgentMetrics();
            await using var host = AgentHost.Open(machine, options, TimeProvider.System, loggers, metrics);
            await using var monitoring = AgentMonitoring.Start(
                host,
                listen,
                Version,
                options.OwnPod?.Name ?? node ?? Environment.MachineName,
                Environment.GetEnvironmentVariable,
                TimeProvider.System,
                loggers,
                authenticate ? new PathAccess(client!, "/metrics", TimeProvider.System).AskAsync : null
            );
            await host.RunAsync(cancellationToken).ConfigureAwait(false);
            return 0;
        }
        catch (Exception e)
            when (e is JournalException or KubeConfigurationException or FormatException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"hostdev-device-plugin: {e.Message}").ConfigureAwait(false);
            return 1;
        }
    }
}
