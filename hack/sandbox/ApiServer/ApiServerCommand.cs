using System.CommandLine;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Cluster.Workloads;

namespace Hostdev.Sandbox.ApiServer;

/// <summary><c>hostdev-sandbox api-server</c>: the simulated API server alone, for one's own kubectl.</summary>
internal static class ApiServerCommand
{
    public static Command Create()
    {
        var kubeconfig = new Option<string>("--kubeconfig") { Description = "Where to write the admin's kubeconfig.", Required = true };
        var port = new Option<int>("--port") { Description = "On 127.0.0.1; 0 for one that is free." };
        var rbac = new Option<bool>("--rbac") { Description = "Decide by the stored roles; every user but the admin needs one." };
        var requests = new Option<bool>("--requests")
        {
            Description = "Print every request with its answer's status, what its body is written in and what its client takes.",
        };
        var command = new Command("api-server", "Run a simulated Kubernetes API server until it is asked to end.")
        {
            kubeconfig,
            port,
            rbac,
            requests,
        };
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                var options = new ApiServerOptions { Port = parsed.GetValue(port), Rbac = parsed.GetValue(rbac) };
                await using var server = new SimulatedApiServer(options);
                if (parsed.GetValue(requests))
                    server.Requests.OnRecorded = r => Console.WriteLine($"{r} [{r.ContentType}] [{r.Accept}]");
                server.AddSchemaRules(ClusterRules.OfSchemas); // meets our kinds once their CRDs are applied
                var directory = SandboxDirectory.Create();
                await using (new ClusterWorkloads(server, null, directory, TimeProvider.System))
                {
                    await server.StartAsync(cancellationToken);
                    server.WriteKubeconfig(parsed.GetValue(kubeconfig)!);
                    Console.WriteLine($"serving on {server.Address}: export KUBECONFIG={parsed.GetValue(kubeconfig)}");
                    await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }

                Directory.Delete(directory, recursive: true);
                return 0;
            }
        );
        return command;
    }
}
