using System.CommandLine;
using System.Security.Cryptography;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Operator.Monitoring;
using Hostdev.Telemetry;
using Microsoft.Extensions.Logging;

namespace Hostdev.Operator.Commands;

/// <summary><c>hostdev-operator run</c>: the operator of a cluster.</summary>
internal static class RunCommand
{
    private static readonly string[] Meters = [OperatorMetrics.MeterName, ProcessMetrics.MeterName, "System.Runtime"];

    /// <summary>Requests are traced by .NET itself.</summary>
    private static readonly string[] ActivitySources = [LeaderRun.ActivitySourceName, "System.Net.Http"];

    public static Command Create()
    {
        var ns = CommandSettings.Namespace();
        var kubeconfig = CommandSettings.Kubeconfig();
        var selector = CommandSettings.AgentSelector();
        var election = new Option<bool>("--leader-election")
        {
            Description = "Of several operators one acts at a time, by a Lease in the namespace.",
            DefaultValueFactory = _ => true,
        };
        var labels = new Option<bool>("--node-labels")
        {
            Description =
                "Give Nodes the label hostdev.io/pci-<vendor>-<device>.present=true for every kind of PCI device that their agents report.",
        };
        var listen = new Option<string>("--listen")
        {
            Description = "Where /healthz, /readyz and /metrics are served.",
            DefaultValueFactory = _ => ":8080",
        };
        var authenticate = new Option<bool>("--authenticate-metrics")
        {
            Description = "Ask the API server about whoever reads /metrics: his token must be allowed to get that path.",
        };
        var logs = new LogSettings();
        var command = new Command("run", "Follow the cluster: give nodes the policies that select them, and policies a status.")
        {
            ns,
            kubeconfig,
            selector,
            election,
            labels,
            listen,
            authenticate,
        };
        foreach (var option in logs.Options)
            command.Options.Add(option);
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                using var loggers = logs.Create(parsed);
                using var metrics = new OperatorMetrics();
                var pod = Environment.GetEnvironmentVariable("POD_NAME") is { Length: > 0 } name ? name : Environment.MachineName;
                try
                {
                    using var client = CommandSettings.Connect(
                        parsed.GetValue(kubeconfig),
                        loggers,
                        new KubeClientOptions { Observe = metrics.Requested }
                    );
                    var options = new OperatorOptions
                    {
                        Namespace = parsed.GetValue(ns) is { Length: > 0 } given ? given : client.Configuration.Namespace,
                        AgentSelector = parsed.GetValue(selector)!,
                        // Another one after each restart: a container that comes back has no lease from before.
                        Identity = parsed.GetValue(election) ? $"{pod}_{RandomNumberGenerator.GetHexString(8, lowercase: true)}" : null,
                        Instance = pod,
                        NodeLabels = parsed.GetValue(labels),
                    };
                    MetricsReader? mayRead = parsed.GetValue(authenticate)
                        ? new PathAccess(client, "/metrics", TimeProvider.System).AskAsync
                        : null;
                    return await RunAsync(client, options, parsed.GetValue(listen)!, mayRead, metrics, loggers, cancellationToken)
                        .ConfigureAwait(false);
                }
                catch (Exception e) when (e is KubeConfigurationException or LeadershipLostException or FormatException or IOException)
                {
                    return await CommandSettings.FailAsync(e).ConfigureAwait(false);
                }
            }
        );
        return command;
    }

    private static async Task<int> RunAsync(
        KubeClient client,
        OperatorOptions options,
        string listen,
        MetricsReader? mayRead,
        OperatorMetrics metrics,
        ILoggerFactory loggers,
        CancellationToken cancellationToken
    )
    {
        using var telemetry = TelemetryProviders.Create(
            new TelemetryOptions
            {
                Name = "hostdev-operator",
                Version = CommandSettings.Version,
                Instance = options.Instance,
                Meters = Meters,
                ActivitySources = ActivitySources,
            },
            Environment.GetEnvironmentVariable
        );
        var host = new OperatorHost(client, options, TimeProvider.System, Random.Shared, loggers, metrics);
        var server = await MonitoringServer
            .StartAsync(listen, telemetry.Prometheus, () => host.Problems, cancellationToken, mayRead: mayRead)
            .ConfigureAwait(false);
        await using (server.ConfigureAwait(false))
            await host.RunAsync(cancellationToken).ConfigureAwait(false);
        return 0;
    }
}
