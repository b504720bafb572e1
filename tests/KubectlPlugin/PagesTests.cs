using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Sandbox.ApiServer.Faults;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>A list that is passed on page by page, and nothing of it kept.</summary>
public sealed class PagesTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    public async Task Every_object_comes_once_and_in_order_also_when_the_pages_outlive_the_server_s_memory(int after, int times)
    {
        await using var bench = await KubectlBench.StartAsync();
        for (var i = 0; i < 25; i++)
            bench.AddState($"node-{i:00}", "{}");
        if (times > 0)
            bench.Cluster.Server.Faults.Add(
                new FaultRule(new ApiFault.Refuse(410))
                {
                    Verb = "list",
                    Resource = "nodedevicestates",
                    Skip = after,
                    Times = 1,
                }
            );
        using var client = new KubeClient(
            KubeConfiguration.FromKubeconfig(bench.Cluster.Kubeconfig, null, TimeProvider.System),
            "kubectl-hostdev/test",
            TimeProvider.System,
            NullLogger<KubeClient>.Instance,
            new KubeClientOptions { PageSize = 10 }
        );
        var names = new List<string>();
        await foreach (
            var page in client.ListPagesAsync(HostdevKinds.NodeDeviceStates, Selection.Everything, TestContext.Current.CancellationToken)
        )
        {
            Assert.InRange(page.Items.Length, 0, 10);
            names.AddRange(page.Items.Select(i => i.Metadata.Name));
        }

        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"node-{i:00}"), names);
        Assert.Equal(times > 0 ? 1 : 0, bench.Cluster.Server.Faults.Met);
    }

    [Fact]
    public async Task A_table_of_many_pages_has_one_header_and_json_one_list()
    {
        await using var bench = await KubectlBench.StartAsync();
        for (var i = 0; i < 230; i++)
            bench.AddState(
                $"node-{i:000}",
                """{devices: [{id: "0000:11:00.0", class: pci}, {id: "0000:12:00.0", class: pci, state: Offered as a.b/c}]}"""
            );
        var table = await bench.RunAsync("devices");
        Assert.Equal(1 + (2 * 230), table.Lines.Length);
        Assert.Single(table.Lines, l => l.StartsWith("CLASS ", StringComparison.Ordinal));
        Assert.Equal(230, table.Column("STATE").Count(s => s == "Free"));
        var json = System.Text.Json.Nodes.JsonNode.Parse((await bench.RunAsync("devices", "-o", "json")).Output)!;
        Assert.Equal(460, json["items"]!.AsArray().Count);
        var yaml = Cluster.ClusterBench.Yaml((await bench.RunAsync("devices", "-o", "yaml")).Output);
        Assert.Equal(json.ToJsonString(), yaml.ToJsonString());
    }
}
