using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Xunit;

namespace Hostdev.Tests.Reporting;

/// <summary>An Event tells of what voids isolation by its own word, once, also where the device is offered all the same.</summary>
public sealed class RiskEventTests
{
    [Fact]
    public async Task What_voids_isolation_is_told_by_its_own_word_once_and_what_is_accepted_is_not()
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.Connection.Write(Status("1", (FindingState.Accepted, Risks.NoReset.Reason)));
        await bench.ShowsAsync("1");
        bench.Connection.Write(
            Status(
                "2",
                (FindingState.Noticed, Risks.AcsOverride.Reason),
                (FindingState.Noticed, Risks.AcsOverride.Reason),
                (FindingState.Noticed, Reasons.HeldSibling)
            )
        );
        await bench.UntilAsync(() => Told(bench).Count == 1);
        Assert.Equal([("Warning", "AcsOverride", "AcsOverride of device 0")], Told(bench));

        bench.Connection.Write(Status("3", (FindingState.Noticed, Risks.AcsOverride.Reason), (FindingState.Noticed, Reasons.OpenToOthers)));
        await bench.UntilAsync(() => Told(bench).Count > 1);
        Assert.Equal(["AcsOverride", "OpenToOthers"], Told(bench).Select(t => t.Reason).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_narrower_link_is_told_of_each_card_once()
    {
        await using var bench = await ConnectionBench.StartAsync();
        bench.Connection.Write(Status("1", (FindingState.Noticed, Reasons.LinkNarrower), (FindingState.Noticed, Reasons.LinkNarrower)));
        await bench.UntilAsync(() => Told(bench).Count == 2);
        Assert.Equal(
            [("Warning", "LinkNarrower", "LinkNarrower of device 0"), ("Warning", "LinkNarrower", "LinkNarrower of device 1")],
            Told(bench).OrderBy(t => t.Message, StringComparer.Ordinal)
        );

        bench.Connection.Write(
            Status(
                "2",
                (FindingState.Noticed, Reasons.LinkNarrower),
                (FindingState.Noticed, Reasons.LinkNarrower),
                (FindingState.Noticed, Risks.AcsOverride.Reason)
            )
        );
        await bench.UntilAsync(() => Told(bench).Exists(t => t.Reason == "AcsOverride"));
        Assert.Equal(3, Told(bench).Count);
    }

    private static List<(string Type, string Reason, string Message)> Told(ConnectionBench bench) =>
        [
            .. bench
                .Server.Objects.List("events.events.k8s.io")
                .Where(e => (string?)e["reportingComponent"] == "hostdev.io/agent" && (string?)e["reason"] != Reasons.Ready.Name)
                .Select(e => ((string)e["type"]!, (string)e["reason"]!, (string)(e["message"] ?? e["note"])!)),
        ];

    private static NodeDeviceStateStatus Status(string kernel, params (FindingState State, Reason Reason)[] problems) =>
        ConnectionBench.Machine(kernel) with
        {
            Policies =
            [
                new PolicyResult
                {
                    Kind = "HostDevice",
                    Name = "gpus",
                    Uid = "u",
                    Generation = 1,
                    Matched = 1,
                    Ready = 1,
                    Blocked = 0,
                    Allocated = 0,
                    Ids = [],
                    Reason = Reasons.Ready,
                    Message = "1 device offered",
                    Problems =
                    [
                        .. problems.Select((p, i) => new DeviceProblem($"{i}", p.State, p.Reason, $"{p.Reason} of device {i}", null)),
                    ],
                },
            ],
        };
}
