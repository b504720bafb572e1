using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Commands;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning.Foreseeing;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>An admin keeps a device back: what is done stays the same, and it is offered to nobody.</summary>
public sealed class CordonTests
{
    private const string Gpu = "0000:43:00.0";

    private static readonly DateTimeOffset s_since = new(2027, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Theory]
    [InlineData(Gpu, "it is cordoned")]
    [InlineData("0000:43:00.1", "0000:43:00.1 is cordoned")] // held for it
    public void Any_function_of_a_group_cordons_its_unit(string named, string words)
    {
        var input = Given.Input(
            new Machine().Gpu().Audio().Gpu("0000:44:00.0", group: 13),
            Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })
        );
        var before = input.Plan();
        var plan = (input with { Cordons = [Cordon(named)] }).Plan();

        Assert.Equal(before.Steps(), plan.Steps());
        Assert.Equal([Gpu], plan.Units.Where(u => u.CordonedByAdmin is not null).Select(u => u.Id.ToString()));
        plan.Says(
            Gpu,
            FindingState.Noticed,
            Reasons.CordonedByAdmin,
            $"{Gpu} is given to no pod, and stays with one that has it: {words} by ann since 2027-01-02T03:04:05Z: fans. kubectl hostdev "
                + $"uncordon NODE {named} ends it"
        );
        var units = Catalog.Build(plan, input.Inventory, ImmutableDictionary<string, OfferProblem>.Empty).Units;
        Assert.Equal(Reasons.CordonedByAdmin, units[Gpu].Problem!.Reason);
        Assert.NotEqual(Reasons.CordonedByAdmin, units["0000:44:00.0"].Problem?.Reason);
    }

    [Fact]
    public void A_physical_function_cordons_its_virtual_ones()
    {
        var input = Given.Input(
            new Machine().PhysicalFunction(vfs: 3, vfDriver: "vfio-pci"),
            Given.Sriov(3, pools: [Given.Pool("all", 0, 2)])
        ) with
        {
            Cordons = [Cordon("0000:41:00.0")],
        };
        var plan = input.Plan();
        Assert.Equal(3, plan.Units.Length);
        Assert.All(plan.Units, u => Assert.NotNull(u.CordonedByAdmin));
        Assert.Single((input with { Cordons = [Cordon("0000:41:10.2")] }).Plan().Units, u => u.CordonedByAdmin is not null);
    }

    [Theory]
    [InlineData("0000:99:00.0", "it is not on this node now, and is not given out when it comes")]
    [InlineData("0000:44:00.0", "nothing of it is offered now, and nothing will be before that ends")]
    public void A_cordon_that_keeps_nothing_back_says_so(string named, string words)
    {
        var input = Given.Input(new Machine().Gpu().Audio("0000:44:00.0", group: 13), Given.HostDevice()) with
        {
            Cordons = [Cordon(named)],
        };
        var finding = input.Plan().About(named);
        Assert.Equal((null, FindingState.Noticed, Reasons.NothingCordoned), (finding.Policy, finding.State, finding.Reason));
        Assert.Equal($"{named} is cordoned by ann since 2027-01-02T03:04:05Z: fans; {words}", finding.Message);
    }

    [Fact]
    public void An_entry_that_is_not_understood_is_a_finding_and_costs_nothing_else()
    {
        var input = Given.Input(new Machine().Gpu(), Given.HostDevice()) with
        {
            Cordons = [new DesiredCordon.NotUnderstood("spec.cordons[0]", "spec.cordons[0] must be a mapping with device and reason")],
        };
        input
            .Plan()
            .Says(
                "spec.cordons[0]",
                FindingState.Noticed,
                Reasons.InvalidCordon,
                "spec.cordons[0] must be a mapping with device and reason"
            );
        Assert.Single(input.Plan().Units, u => u.CordonedByAdmin is null);
    }

    [Fact]
    public void Plan_and_explain_say_it_and_a_plan_is_none_the_worse_for_it()
    {
        var input = Given.Input(new Machine().Gpu(driver: "vfio-pci"), Given.HostDevice()) with { Cordons = [Cordon(Gpu)] };
        var way = Foresight.Of(input);
        Assert.Contains("; not given out now: CordonedByAdmin", PlanText.Render(way), StringComparison.Ordinal);
        Assert.Contains($"Noticed {Gpu} (HostDevice/gpus): CordonedByAdmin: ", PlanText.Render(way), StringComparison.Ordinal);
        Assert.Equal(Foresight.Of(input with { Cordons = [] }).Verdict, way.Verdict);
        var explained = Golden.Explain(input, Gpu);
        Assert.Contains(
            "Not given out now:\n  - CordonedByAdmin: by an admin's word, which stands below\n",
            explained,
            StringComparison.Ordinal
        );
        Assert.Contains("ann since 2027-01-02T03:04:05Z: fans", explained, StringComparison.Ordinal);
    }

    private static DesiredCordon.OfDevice Cordon(string device) => new(DeviceId.Parse(device), "fans", "ann", s_since);
}
