using Hostdev.Crds.Words;
using Xunit;
using static Hostdev.Tests.Operator.OperatorBench;

namespace Hostdev.Tests.Operator;

public sealed class PolicyEventTests
{
    [Fact]
    public async Task Each_transition_is_told_once_and_a_new_leader_tells_nothing_again()
    {
        await using var bench = await StartAsync();
        bench.AddNode("a");
        var first = bench.StartOperator();
        await Waiting.UntilAsync(() => bench.Has("a") == "");
        bench.Apply("gpus");
        await Waiting.UntilAsync(() => bench.Has("a") == "gpus:1");
        bench.Report("a", Reasons.Blocked, "1 of 2 devices cannot be offered: 0000:44:00.0 shares its group", blocked: 1);
        await Waiting.UntilAsync(
            () => Told().Contains("Warning Blocked: a: 1 of 2 devices cannot be offered: 0000:44:00.0 shares its group"),
            state: Show
        );
        bench.Report("a");
        await Waiting.UntilAsync(() => Told().Contains("Normal Ready: 2 devices offered on 1 node"), state: Show);
        await bench.QuietAsync();
        var told = Told();
        Assert.Single(told, t => t.StartsWith("Warning", StringComparison.Ordinal));
        Assert.Equal(told.Count, told.Distinct().Count());

        await first.DisposeAsync();
        var second = bench.StartOperator("operator-1");
        await Waiting.UntilAsync(() => second.Host.Passes > 0);
        bench.AddNode("b");
        await Waiting.UntilAsync(() => bench.Has("b") == "gpus:1");
        await bench.QuietAsync();
        Assert.Equal(told, Told().Where(t => !t.StartsWith("Normal RollingOut", StringComparison.Ordinal) || told.Contains(t)));
        var regarding = bench.Objects.List("events.events.k8s.io").Select(e => (string)e["involvedObject"]!["uid"]!).Distinct();
        Assert.Equal([(string)bench.Objects.Get(HostDevices, "gpus")!["metadata"]!["uid"]!], regarding);

        List<string> Told() =>
            [
                .. bench
                    .Objects.List("events.events.k8s.io")
                    .Select(e => $"{e["type"]} {e["reason"]}: {e["message"]}")
                    .Order(StringComparer.Ordinal),
            ];
        string Show() => string.Join('\n', Told()) + bench.Show();
    }
}
