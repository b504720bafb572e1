using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>"All spare disks": what the host needs is not meant, counted, and troubles nobody.</summary>
public sealed class PassedOverTests
{
    private static readonly PciSelector s_gpus = new() { Device = PciId.Parse("2204") };

    [Theory]
    [InlineData(Binding.Static)]
    [InlineData(Binding.OnAllocate)]
    public void What_the_host_needs_is_passed_over_and_not_matched_and_the_others_are_offered(Binding binding)
    {
        var input = Given.Input(
            new Machine().Gpu(flr: true).Gpu("0000:44:00.0", group: 13, flr: true),
            Given.HostDevice(
                selector: s_gpus with
                {
                    OnProtected = OnProtected.PassOver,
                },
                pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings },
                spec: s => s with { Binding = binding, AcceptRisks = [Risks.SlowUnbind] }
            )
        ) with
        {
            Usage = Given.Users(("0000:43:00.0", UserKind.Mount, "its file system is mounted at /data")),
        };
        var plan = input.Plan();

        Assert.Equal(["0000:44:00.0"], plan.Units.Select(u => u.Id.ToString()));
        Assert.Equal(1, Assert.Single(plan.Policies).Matched);
        var passed = Assert.Single(plan.Findings, f => f.Device == "0000:43:00.0");
        Assert.Equal((FindingState.Noticed, Reasons.PassedOver), (passed.State, passed.Reason));
        Assert.Contains("its file system is mounted at /data", passed.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(plan.Lanes.SelectMany(l => l.Touches), d => d == PciAddress.Parse("0000:43:00.0"));
    }

    [Fact]
    public void A_device_that_another_selector_means_as_well_is_blocked_by_it()
    {
        var input = Given.Input(
            new Machine().Gpu(),
            Given.HostDevice(pci: p =>
                p with
                {
                    Selectors =
                    [
                        s_gpus with
                        {
                            OnProtected = OnProtected.PassOver,
                        },
                        new() { Addresses = [PciAddress.Parse("0000:43:00.0")] },
                    ],
                    GroupPolicy = GroupPolicy.HoldSiblings,
                }
            )
        ) with
        {
            Usage = Given.Users(("0000:43:00.0", UserKind.Mount, "it is mounted")),
        };
        Assert.Equal(FindingState.Blocked, input.Plan().Findings.First(f => f.Reason == Reasons.Protected).State);
    }

    [Fact]
    public void A_policy_of_which_everything_is_passed_over_says_how_many()
    {
        var input = Given.Input(
            new Machine().Gpu(),
            Given.HostDevice(
                selector: s_gpus with
                {
                    OnProtected = OnProtected.PassOver,
                },
                pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings }
            )
        ) with
        {
            Usage = Given.Users(("0000:43:00.0", UserKind.Mount, "it is mounted")),
        };
        var policy = Assert.Single(input.Plan().Policies);
        Assert.Equal((0, " that the host does not need, and passes over 1"), (policy.Matched, policy.Hint));
    }

    [Fact]
    public void What_was_taken_before_somebody_needed_it_stays()
    {
        var input = Given.Input(
            new Machine().Gpu(driver: "vfio-pci"),
            Given.HostDevice(
                selector: s_gpus with
                {
                    OnProtected = OnProtected.PassOver,
                },
                pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings }
            )
        );
        Assert.Single(input.Plan().Units);
    }

    [Theory]
    [InlineData("0000:99:00.0", ": 0000:99:00.0 is not there")]
    [InlineData("0000:40:00.0", ": 0000:40:00.0 is a bridge, which is given to nobody")]
    public void An_address_that_is_not_there_or_meant_is_named_where_nothing_matches(string address, string hint)
    {
        var selector = new PciSelector { Addresses = [PciAddress.Parse(address)] };
        Assert.Equal(
            hint,
            Assert
                .Single(Given.Input(new Machine().Gpu().Bridge("0000:40:00.0", 1), Given.HostDevice(selector: selector)).Plan().Policies)
                .Hint
        );
    }
}
