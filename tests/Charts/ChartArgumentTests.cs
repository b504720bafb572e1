using System.CommandLine;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;

namespace Hostdev.Tests.Charts;

/// <summary>What the chart's Pods say to the programs is what the programs understand.</summary>
public sealed partial class ChartArgumentTests
{
    private static readonly Dictionary<string, (RootCommand Command, string[] Sources)> s_programs = new()
    {
        ["hostdev-operator"] = (
            new RootCommand
            {
                Hostdev.Operator.Commands.RunCommand.Create(),
                Hostdev.Operator.Commands.GiveBackCommand.Create(),
                Hostdev.Operator.Commands.CheckCommand.Create(),
            },
            ["operator", "kube", "telemetry"]
        ),
        ["hostdev-device-plugin"] = (
            new RootCommand { Hostdev.DevicePlugin.Commands.RunCommand.Create() },
            ["device-plugin", "kube", "telemetry"]
        ),
    };

    [Fact]
    public void Every_argument_is_one_that_the_program_knows_and_can_read()
    {
        var seen = new List<string>();
        foreach (var (pod, program, container) in RenderedChart.Containers())
        {
            var arguments = Arguments(container);
            Assert.Equal([], s_programs[program].Command.Parse(arguments).Errors.Select(e => $"{pod}: {e.Message}"));
            seen.Add($"{pod}: {arguments[0]}");
        }

        Assert.Equal(
            [
                "ConfigMap hostdev-agent-static: run",
                "DaemonSet hostdev-agent: run",
                "Deployment hostdev-operator: run",
                "Job hostdev-install: give-back",
                "Job hostdev-uninstall: give-back",
                "Pod hostdev-test: check",
            ],
            seen.Order(StringComparer.Ordinal)
        );
    }

    /// <summary>What the kubelet asks is where the program listens; who reads metrics finds no agent then.</summary>
    [Fact]
    public void An_agent_that_listens_on_the_node_alone_is_asked_there()
    {
        var daemon = RenderedChart.Localhost.Single(o => RenderedChart.Text(o, "kind") == "DaemonSet");
        var container = daemon["spec"]!["template"]!["spec"]!["containers"]![0]!.AsObject();
        Assert.Contains("--listen=127.0.0.1:9476", Arguments(container));
        Assert.DoesNotContain("POD_IP", container["env"]!.AsArray().Select(e => (string)e!["name"]!));
        foreach (var probe in (string[])["startupProbe", "livenessProbe", "readinessProbe"])
            Assert.Equal(
                ("127.0.0.1", "http"),
                ((string?)container[probe]!["httpGet"]!["host"], (string?)container[probe]!["httpGet"]!["port"])
            );
        var service = RenderedChart.Localhost.Single(o => RenderedChart.Text(o, "kind") == "Service");
        Assert.Equal("operator", (string?)service["spec"]!["selector"]!["app.kubernetes.io/component"]);
        var elsewhere = RenderedChart.Find("DaemonSet", "hostdev-agent")["spec"]!["template"]!["spec"]!["containers"]![0]!;
        Assert.Null(elsewhere["livenessProbe"]!["httpGet"]!["host"]);
    }

    [Fact]
    public void Addresses_and_places_among_the_arguments_are_whole()
    {
        foreach (var (pod, program, container) in RenderedChart.Containers())
        {
            var arguments = Arguments(container);
            var options = arguments
                .Where(a => a.StartsWith("--", StringComparison.Ordinal) && a.Contains('=', StringComparison.Ordinal))
                .ToDictionary(a => a.Split('=')[0], a => a[(a.IndexOf('=', StringComparison.Ordinal) + 1)..]);
            if (options.TryGetValue("--listen", out var listen))
            {
                Assert.True(Hostdev.Telemetry.MonitoringServer.TryParse(listen, out _, out var port), $"{pod}: --listen={listen}");
                Assert.Equal(port, (long)container["ports"]![0]!["containerPort"]!);
                Assert.True(
                    Hostdev.Telemetry.MonitoringServer.TryParse(
                        listen.Replace("192.0.2.7", "2001:db8::7", StringComparison.Ordinal),
                        out _,
                        out _
                    ),
                    "an IPv6 address"
                );
            }

            var mounts = container["volumeMounts"]?.AsArray().Select(m => (string)m!["mountPath"]!).ToArray() ?? [];
            foreach (var path in options.Values.Where(v => v.StartsWith('/')))
                Assert.True(
                    mounts.Any(m => path == m || path.StartsWith(m + "/", StringComparison.Ordinal)),
                    $"{pod}: {path} is in no volume of the container, which has {string.Join(", ", mounts)}"
                );
        }
    }

    [Fact]
    public void Every_environment_variable_is_read_by_the_program_or_used_in_an_argument()
    {
        foreach (var (pod, program, container) in RenderedChart.Containers())
        {
            var sources = string.Concat(
                s_programs[program]
                    .Sources.SelectMany(d => Directory.EnumerateFiles(Repository.Path(d), "*.cs", SearchOption.AllDirectories))
                    .Where(f => !f.Contains("/obj/", StringComparison.Ordinal))
                    .Select(File.ReadAllText)
            );
            var arguments = string.Join('\n', container["args"]!.AsArray().Select(a => (string)a!));
            foreach (var name in container["env"]!.AsArray().Select(e => (string)e!["name"]!))
            {
                // Of .NET's own runtime.
                if (name.StartsWith("DOTNET_", StringComparison.Ordinal))
                    continue;
                Assert.True(
                    arguments.Contains($"$({name})", StringComparison.Ordinal) || sources.Contains($"\"{name}\"", StringComparison.Ordinal),
                    $"{pod} sets {name}, which {program} does not read"
                );
            }

            foreach (var used in Variable().Matches(arguments).Select(m => m.Groups[1].Value))
                Assert.Contains(used, container["env"]!.AsArray().Select(e => (string)e!["name"]!));
        }
    }

    /// <summary>As the kubelet fills them in: with something of the right form for every variable.</summary>
    private static string[] Arguments(JsonObject container) =>
        [
            .. container["args"]!
                .AsArray()
                .Select(a => Variable().Replace((string)a!, m => m.Groups[1].Value == "POD_IP" ? "192.0.2.7" : "some-name")),
        ];

    [GeneratedRegex(@"\$\(([A-Z_]+)\)")]
    private static partial Regex Variable();
}
