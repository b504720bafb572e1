using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;
using Hostdev.Sandbox.Cluster;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Xunit;

namespace Hostdev.Tests.Shipped;

/// <summary>The operator's program as a process, on an API server that speaks TLS.</summary>
public sealed class OperatorProgramTests
{
    [Fact]
    public async Task Over_TLS_it_leads_gives_a_policy_its_status_and_ends_in_order()
    {
        await using var cluster = await SandboxCluster.StartAsync(SandboxDirectory.Create());
        cluster.Server.Objects.Create(Policy("gpu"));
        await using var program = ProgramRun.Start(
            ShippedPrograms.Operator,
            "run",
            "--kubeconfig",
            cluster.Kubeconfig,
            "--namespace",
            SandboxCluster.SystemNamespace,
            "--listen",
            "127.0.0.1:0"
        );

        await Waiting.UntilAsync(
            () => StatusOf(cluster, "gpu").Contains("NoMatch", StringComparison.Ordinal) || program.HasExited,
            60,
            () => StatusOf(cluster, "gpu") + program.Said
        );
        Assert.False(program.HasExited, program.Said);
        Assert.InRange(DirectoriesWatchedBy(program.Id), 0, 4); // not all of them below the working directory, which is / in an image
        var (exitCode, _) = await program.TerminateAsync();
        Assert.True(exitCode == 0, program.Said);
        Assert.DoesNotContain("Unhandled", program.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_refused_and_the_sentence_says_what_to_do()
    {
        await using var cluster = await SandboxCluster.StartAsync(SandboxDirectory.Create());
        await using var other = await SandboxCluster.StartAsync(SandboxDirectory.Create());
        var mixed = (await File.ReadAllTextAsync(cluster.Kubeconfig, TestContext.Current.CancellationToken)).Replace(
            AuthorityOf(cluster),
            AuthorityOf(other),
            StringComparison.Ordinal
        );
        var kubeconfig = Path.Combine(cluster.Directory, "mixed");
        await File.WriteAllTextAsync(kubeconfig, mixed, TestContext.Current.CancellationToken);

        await using var program = ProgramRun.Start(ShippedPrograms.Operator, "kubevirt-snippet", "--kubeconfig", kubeconfig);
        var (exitCode, said) = await program.EndAsync();
        Assert.Equal(1, exitCode);
        Assert.Contains("certificate", said, StringComparison.Ordinal);
        Assert.Equal(1, said.AsSpan().Trim().Count('\n') + 1);
    }

    [Fact]
    public async Task It_sends_traces_and_metrics_by_OTLP()
    {
        await using var cluster = await SandboxCluster.StartAsync(SandboxDirectory.Create());
        var paths = new ConcurrentBag<string>();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        await using var collector = builder.Build();
        collector.Urls.Add("http://127.0.0.1:0");
        collector.Run(context =>
        {
            paths.Add($"{Path.GetFileName(context.Request.Path)} {context.Request.ContentType}");
            return Task.CompletedTask;
        });
        await collector.StartAsync(TestContext.Current.CancellationToken);
        (string, string)[] environment =
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Urls.Single()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
            ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ];

        await using var program = ProgramRun.Start(
            ShippedPrograms.Operator,
            environment,
            "run",
            "--kubeconfig",
            cluster.Kubeconfig,
            "--namespace",
            SandboxCluster.SystemNamespace,
            "--listen",
            "127.0.0.1:0"
        );
        await Waiting.UntilAsync(
            () => paths.Contains("metrics application/x-protobuf") && paths.Contains("traces application/x-protobuf"),
            60,
            () => string.Join(", ", paths.Distinct()) + program.Said
        );
    }

    internal static JsonObject Policy(string name) =>
        YamlJson
            .Parse(
                $$"""
                apiVersion: hostdev.io/v1alpha1
                kind: HostDevice
                metadata: {name: {{name}}}
                spec:
                  resourceName: example.com/{{name}}
                  nodeSelector: {}
                  devices:
                    pci:
                      selectors: [{addresses: ["0000:46:00.0"]}]
                """,
                out _
            )!
            .AsObject();

    private static string AuthorityOf(SandboxCluster cluster) =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes(cluster.Server.CertificateAuthority!));

    private static string StatusOf(SandboxCluster cluster, string name) =>
        cluster.Server.Objects.Get("hostdevices.hostdev.io", name)?["status"]?.ToJsonString() ?? "no status";

    /// <summary>By inotify (<c>proc_pid_fdinfo(5)</c>): a line for each.</summary>
    private static int DirectoriesWatchedBy(int process) =>
        Directory
            .EnumerateFiles($"/proc/{process}/fdinfo")
            .Sum(f => File.ReadLines(f).Count(l => l.StartsWith("inotify ", StringComparison.Ordinal)));
}
