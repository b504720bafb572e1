using System.Text.Json.Nodes;
using Xunit;
using static Hostdev.Tests.Operator.OperatorBench;

namespace Hostdev.Tests.Operator;

/// <summary>Somebody has one node's token, and writes what they like into its status.</summary>
public sealed class HostileNodeTests
{
    [Theory]
    [InlineData("matched", "2147483647", "status.policies[0].matched: Invalid value: 2147483647")]
    [InlineData("ids", "[\"10de:2236\\n x: y\"]", "status.policies[0].ids[0]: Invalid value")]
    [InlineData("reason", "\"\\u001b[2J\"", "status.policies[0].reason: Invalid value")]
    [InlineData("uid", "\"a\\nb\"", "status.policies[0].uid: Invalid value")]
    public async Task The_schema_refuses_what_no_node_has(string field, string value, string complaint)
    {
        await using var bench = await StartAsync();
        bench.AddNode("evil");
        bench.Apply("gpus");
        bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("evil") == "gpus:1");
        bench.Report("evil");
        var refusal = Assert.ThrowsAny<Exception>(() => Write(bench, s => s["policies"]![0]![field] = JsonNode.Parse(value)));
        Assert.Contains(complaint, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_count_that_overflows_every_sum_ends_no_operator_and_costs_its_node_alone_under_the_CRD_of_the_version_before()
    {
        await using var bench = await StartAsync();
        bench.AddNode("evil");
        bench.AddNode("good");
        bench.Apply("gpus");
        var first = bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("evil") == "gpus:1" && bench.Has("good") == "gpus:1");
        bench.Report("evil");
        bench.Report("good");
        await Waiting.UntilAsync(() => bench.Condition("gpus") == "True/Ready");
        bench.Objects.Change(Definitions, States, WithoutBounds);
        Write(bench, s => s["policies"]![0]!["matched"] = int.MaxValue);
        await Waiting.UntilAsync(() => bench.Condition("gpus", "Degraded") == "True/Blocked", state: bench.Show);

        var status = bench.Objects.Get(HostDevices, "gpus")!["status"]!;
        Assert.Equal("2/2", (string)status["devices"]!["summary"]!); // of good
        Assert.Equal("InvalidStatus evil", $"{status["problems"]![0]!["reason"]} {status["problems"]![0]!["node"]}");
        await first.DisposeAsync();
        var second = bench.StartOperator("operator-1"); // it would end again at each start
        await Waiting.UntilAsync(() => second.Host.Passes > 1);
        bench.Apply("more", "example.com/more");
        await Waiting.UntilAsync(() => bench.Has("good") == "gpus:1 more:1" && bench.Has("evil") == "gpus:1 more:1", state: bench.Show);
        Write(bench, s => s["policies"]![0]!["matched"] = 2);
        await Waiting.UntilAsync(() => bench.Condition("gpus", "Degraded") == "False/AsDesired", state: bench.Show);
    }

    [Fact]
    public async Task More_policies_than_a_state_holds_stop_no_write_and_a_removal_goes_through()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        for (var i = 1; i <= 514; i++)
            bench.Apply($"p{i:000}", $"example.com/r{i}");
        bench.StartOperator();
        int Count() => bench.Objects.Get(States, "a")?["spec"]?["policies"]?.AsArray().Count ?? 0;
        await Waiting.UntilAsync(() => Count() == 512, 60, bench.Show);
        string[] Held() =>
            [.. Enumerable.Range(1, 514).Select(i => $"p{i:000}").Where(p => bench.Condition(p, "Degraded") == "True/Blocked")];
        await Waiting.UntilAsync(() => Held().Length == 2, 60);
        var problem = bench.Objects.Get(HostDevices, Held()[0])!["status"]!["problems"]![0]!;
        Assert.Equal(("NodeFull", "a"), ((string)problem["reason"]!, (string)problem["node"]!));

        var has = bench.Has("a")!.Split(' ')[0].Split(':')[0];
        bench.Objects.Delete(HostDevices, has);
        await Waiting.UntilAsync(() => !bench.Has("a")!.Contains(has, StringComparison.Ordinal) && Count() == 512, 60, bench.Show);
    }

    private static void Write(OperatorBench bench, Action<JsonNode> change) =>
        bench.Objects.Change(States, "evil", s => change(s["status"]!), subresource: "status", manager: "hostdev-agent");

    private static void WithoutBounds(JsonObject definition)
    {
        var status = definition["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!["properties"]!["status"]!;
        Remove(status);
        static void Remove(JsonNode? node)
        {
            if (node is JsonArray list)
            {
                foreach (var item in list)
                    Remove(item);
            }

            if (node is not JsonObject map)
                return;
            if (map["maximum"] is JsonValue)
                map.Remove("maximum");
            if (map["pattern"] is JsonValue)
                map.Remove("pattern");
            foreach (var (_, value) in map.ToList())
                Remove(value);
        }
    }
}
