using System.Text.Json.Nodes;
using Xunit;
using static Hostdev.Tests.Operator.OperatorBench;

namespace Hostdev.Tests.Operator;

/// <summary>Objects of another version of Hostdev, which this operator cannot read when it starts: they are there.</summary>
public sealed class UnreadableObjectTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_policy_that_cannot_be_read_is_not_one_that_was_deleted(bool isMended)
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        bench.Apply("gpus");
        var first = bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        bench.Report("a");
        await Waiting.UntilAsync(() => bench.Condition("gpus") == "True/Ready");
        await first.DisposeAsync();
        AllowAny("status", bench, HostDevices);
        bench.Objects.Change(HostDevices, "gpus", p => p["status"]!["observedGeneration"] = "the first", subresource: "status");

        var second = bench.StartOperator("operator-1");
        await Waiting.UntilAsync(() => second.Host.Passes > 0);
        bench.AddNode("b"); // whose first list would lack it
        await bench.QuietAsync();
        Assert.Equal(("gpus:1", null), (bench.Has("a"), bench.Has("b")));

        if (isMended)
            bench.Objects.Change(HostDevices, "gpus", p => p["status"]!["observedGeneration"] = 1, subresource: "status");
        else
            bench.Objects.Delete(HostDevices, "gpus");
        var expected = isMended ? "gpus:1" : "";
        await Waiting.UntilAsync(() => bench.Has("a") == expected && bench.Has("b") == expected, state: bench.Show);
    }

    [Fact]
    public async Task A_node_whose_state_cannot_be_read_is_not_one_that_has_no_list()
    {
        await using var bench = await StartAsync();
        bench.AddNodes(2);
        bench.Apply("gpus", maxUnavailable: "1");
        var first = bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("node-01") == "gpus:1" && bench.Has("node-02") == "gpus:1");
        bench.Report("node-01");
        bench.Report("node-02");
        bench.Apply("gpus", priority: 1, maxUnavailable: "1");
        await Waiting.UntilAsync(() => bench.Has("node-01") == "gpus:2", state: bench.Show);
        await first.DisposeAsync();
        AllowAny("spec", bench, States);
        var at = bench.Objects.Get(States, "node-02")!["spec"]!["projectedAt"]!;
        bench.Objects.Change(States, "node-02", s => s["spec"]!["projectedAt"] = "once");

        var second = bench.StartOperator("operator-1");
        await Waiting.UntilAsync(() => second.Host.Passes > 0);
        await bench.QuietAsync();
        Assert.Equal("gpus:1", bench.Has("node-02")); // a first list would have everything at once, whatever else changes
        bench.Objects.Change(States, "node-02", s => s["spec"]!["projectedAt"] = at.DeepClone());
        await bench.QuietAsync();
        Assert.Equal("gpus:1", bench.Has("node-02"));
        bench.Report("node-01");
        await Waiting.UntilAsync(() => bench.Has("node-02") == "gpus:2", state: bench.Show);
    }

    /// <summary>As the CRD of a version would whose objects look otherwise.</summary>
    private static void AllowAny(string field, OperatorBench bench, string resource) =>
        bench.Objects.Change(
            Definitions,
            resource,
            d =>
                d["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!["properties"]![field] = new JsonObject
                {
                    ["type"] = "object",
                    ["x-kubernetes-preserve-unknown-fields"] = true,
                }
        );
}
