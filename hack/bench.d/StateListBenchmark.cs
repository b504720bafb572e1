using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Benchmarks;

/// <summary>
/// <c>list</c>: what an operator's start costs, a list of all NodeDeviceStates by HTTP and read into summaries, against the same answer
/// walked through token by token and forgotten. And what one object leaves behind for the collector.
/// </summary>
internal static class StateListBenchmark
{
    private const int Policies = 20;
    private const int Devices = 16;

    public static Command Command()
    {
        var nodes = new Option<int>("--nodes") { Description = "How many states there are.", DefaultValueFactory = _ => 5000 };
        var rounds = new Option<int>("--rounds") { Description = "Lists of each kind.", DefaultValueFactory = _ => 5 };
        var command = new Command("list", "A full list of node states, against walking through the same JSON.") { nodes, rounds };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(nodes), parsed.GetValue(rounds), cancellationToken));
        return command;
    }

    private static async Task RunAsync(int nodes, int rounds, CancellationToken cancellationToken)
    {
        var directory = SandboxDirectory.Create();
        await using var cluster = await SandboxCluster.StartAsync(directory, cancellationToken: cancellationToken);
        Report.Progress($"{nodes} node states");
        for (var node = 0; node < nodes; node++)
            cluster.Server.Objects.Create(System.Text.Json.Nodes.JsonNode.Parse(State(node))!.AsObject());
        using var client = cluster.CreateClient(new ApiUser("bench", [ApiUser.Masters]), "bench/1", NullLoggerFactory.Instance);
#pragma warning disable MA0039 // By TLS as the client is; whose certificate it is does not matter to a loopback server of our own.
        using var anyServer = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
        };
#pragma warning restore MA0039
        using var raw = new HttpClient(anyServer)
        {
            BaseAddress = cluster.Server.Address,
            DefaultRequestHeaders = { { "Authorization", $"Bearer {cluster.Server.AdminToken}" } },
        };
        var (read, allocated) = (0, 0L);
        var (list, walk) = Sample.ByTurns(
            rounds,
            () =>
            {
                var before = GC.GetTotalAllocatedBytes(precise: true);
                read = client
                    .ListAsync(HostdevKinds.NodeDeviceStateSummaries, Selection.Everything, cancellationToken)
                    .GetAwaiter()
                    .GetResult()
                    .Items.Length;
                allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
            },
            () => Walk(raw)
        );
        Directory.Delete(directory, recursive: true);
        Report.Title("A full list of NodeDeviceStates over HTTP (server, client and reference in one process)");
        Report.Table(
            ["states", "bytes each", "list into summaries, ms", "walk through the pages, ms", "ratio"],
            [
                [
                    read.ToString(CultureInfo.InvariantCulture),
                    State(0).Length.ToString(CultureInfo.InvariantCulture),
                    list.Text("F0"),
                    walk.Text("F0"),
                    Report.Ratio(list.Median / walk.Median),
                ],
            ]
        );
        Report.Note(
            string.Create(CultureInfo.InvariantCulture, $"allocated for a list, the server's part included: {allocated / 1e6:F0} MB")
        );
        ReadOne();
    }

    /// <summary>One object, without HTTP: bytes allocated are the same in every run.</summary>
    private static void ReadOne()
    {
        var json = Encoding.UTF8.GetBytes(State(0));
        var type = HostdevKinds.NodeDeviceStateSummaries.Json;
        for (var i = 0; i < 200; i++)
            JsonSerializer.Deserialize(json, type);
        var before = GC.GetAllocatedBytesForCurrentThread();
        const int times = 1000;
        for (var i = 0; i < times; i++)
            JsonSerializer.Deserialize(json, type);
        var bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / times;
        var (summary, walk) = Sample.ByTurns(
            15,
            () =>
            {
                for (var i = 0; i < times; i++)
                    JsonSerializer.Deserialize(json, type);
            },
            () =>
            {
                for (var i = 0; i < times; i++)
                    Walk(json);
            }
        );
        Report.Table(
            ["one state", "bytes", "allocated, bytes", "allocated for a byte", "summary, µs", "walk, µs", "ratio"],
            [
                [
                    "",
                    Report.Number(json.Length, "F0"),
                    Report.Number(bytes, "F0"),
                    Report.Number(bytes / (double)json.Length, "F2"),
                    summary.Text(),
                    walk.Text(),
                    Report.Ratio(summary.Median / walk.Median),
                ],
            ]
        );
    }

    private static void Walk(HttpClient client)
    {
        for (string? next = ""; next is not null; )
        {
            using var response = client.Send(
                new HttpRequestMessage(HttpMethod.Get, $"/apis/hostdev.io/v1alpha1/nodedevicestates?limit=500{next}"),
                HttpCompletionOption.ResponseContentRead
            );
            using var body = new MemoryStream();
            response.EnsureSuccessStatusCode().Content.ReadAsStream().CopyTo(body);
            next = Walk(body.GetBuffer().AsSpan(0, (int)body.Length)) is { Length: > 0 } token
                ? $"&continue={Uri.EscapeDataString(token)}"
                : null;
        }
    }

    /// <summary>Every token; what "continue" says.</summary>
    private static string? Walk(ReadOnlySpan<byte> json)
    {
        string? token = null;
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 2 || !reader.ValueTextEquals("continue"u8))
                continue;
            reader.Read();
            token = reader.GetString();
        }

        return token;
    }

    /// <summary>A state as a node with 20 policies and 16 devices has it.</summary>
    private static string State(int node)
    {
        var policies = string.Join(
            ',',
            Enumerable
                .Range(0, Policies)
                .Select(p =>
                    $$$"""
                        {"kind":"HostDevice","name":"policy-{{{p}}}","uid":"{{{Uid(p)}}}","generation":3,
                        "creationTimestamp":"2026-01-02T03:04:05Z","spec":{"resourceName":"example.com/policy-{{{p}}}",
                        "nodeSelector":{"matchLabels":{"rack":"a"}},"priority":{{{p}}},"disruption":"WhenIdle",
                        "devices":{"pci":{"groupPolicy":"HoldSiblings",
                        "selectors":[{"vendor":"10de","device":"24b0"},{"vendor":"1002"}]} } } }
                        """
                )
        );
        var results = string.Join(
            ',',
            Enumerable
                .Range(0, Policies)
                .Select(p =>
                    $$"""
                        {"kind":"HostDevice","name":"policy-{{p}}","uid":"{{Uid(p)}}","generation":3,"matched":2,"ready":2,"blocked":0,
                        "allocated":1,"ids":["10de:24b0"],"reason":"Ready","message":"2 devices offered","problems":[]}
                        """
                )
        );
        var devices = string.Join(
            ',',
            Enumerable
                .Range(0, Devices)
                .Select(d =>
                    $$"""
                        {"id":"0000:{{d:x2}}:00.0","class":"pci","ids":"10de:24b0","driver":"vfio-pci","numaNode":0,
                        "state":"Offered as example.com/policy-{{d}}","pci":{"iommuGroup":{{d}}},"pciAddress":"0000:{{d:x2}}:00.0"}
                        """
                )
        );
        return $$$"""
            {"apiVersion":"hostdev.io/v1alpha1","kind":"NodeDeviceState","metadata":{"name":"node-{{{node:d5}}}"},
            "spec":{"projectedAt":"2026-01-02T03:04:05Z","policies":[{{{policies}}}]},
            "status":{"observedGeneration":1,
            "host":{"kernel":"6.12.0","architecture":"x86_64","bootId":"5b7c0b5e-8a35-4f7e-9b8e-2f3c3c8d6d10","iommu":true,
            "interruptRemapping":"Yes","kernelArguments":[],"vfioDrivers":["vfio-pci"],"problems":[]},
            "devices":[{{{devices}}}],"virtualFunctions":[],
            "allocations":[{"id":"0000:01:00.0","resource":"example.com/policy-1","namespace":"vms","pod":"virt-launcher-a"}],
            "policies":[{{{results}}}],"releasing":[],"resources":[],
            "conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"everything is as wanted"}]}}
            """;
    }

    private static string Uid(int policy) => string.Create(CultureInfo.InvariantCulture, $"00000000-0000-4000-8000-{policy:d12}");
}
