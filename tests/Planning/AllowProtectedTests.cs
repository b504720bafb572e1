using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// Who allows to take what the host needs of one function says nothing of its siblings: a protection is overridden for functions whose own
/// address the policy writes out.
/// </summary>
public sealed class AllowProtectedTests
{
    private const string Port = "0000:45:00.0";
    private const string Sibling = "0000:45:00.1";
    private const string Refusal =
        $"{Sibling} is in use: eth1 has the default route: the host needs it; free it, or list Network in allowProtected together with the "
        + $"address {Sibling} in members";

    private static readonly HostUsage BothUsed = Given.Users(
        (Port, UserKind.NetworkAddress, "eth0 has an address"),
        (Sibling, UserKind.NetworkUpper, "eth1 has the default route")
    );

    [Theory]
    [InlineData(GroupPolicy.HoldSiblings)]
    [InlineData(GroupPolicy.AssignSiblings)]
    public void A_sibling_that_a_group_policy_brings_along_stays_protected(GroupPolicy policy)
    {
        var plan = Plan(pci => pci with { GroupPolicy = policy });
        Assert.Empty(plan.Lanes);
        Assert.Empty(plan.Units);
        plan.Says(Port, FindingState.Blocked, Reasons.Protected, Refusal);
    }

    [Fact]
    public void A_member_that_is_named_by_its_number_or_kind_is_not_named_by_address()
    {
        Plan(pci => pci with { Members = [new GroupMember { Function = 1 }] }).Says(Port, FindingState.Blocked, Reasons.Protected, Refusal);
        Plan(pci => pci with { Members = [new GroupMember { Vendor = PciId.Parse("8086"), Device = PciId.Parse("10c9") }] })
            .Says(Port, FindingState.Blocked, Reasons.Protected, Refusal);
    }

    [Fact]
    public void A_member_that_is_named_by_address_is_taken_with_what_is_allowed_of_it()
    {
        var plan = Plan(pci => pci with { Members = [new GroupMember { Address = PciAddress.Parse(Sibling), Assigned = false }] });
        Assert.Empty(plan.Findings.Where(f => f.State == FindingState.Blocked));
        Assert.Equal([Port], plan.UnitIds());
        Assert.All(
            plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step).OfType<PlanStep.Unbind>(),
            u => Assert.Contains(UserKind.NetworkUpper, u.Overridden)
        );
    }

    [Fact]
    public void A_selector_that_names_both_by_address_means_both() =>
        Assert.Equal(
            [Port],
            Plan(pci =>
                    pci with
                    {
                        Selectors = [new PciSelector { Addresses = [PciAddress.Parse(Port), PciAddress.Parse(Sibling)] }],
                        GroupPolicy = GroupPolicy.AssignSiblings,
                    }
                )
                .UnitIds()
        );

    [Fact]
    public void The_proof_that_a_sibling_is_free_passes_over_nothing()
    {
        var plan = Plan(pci => pci with { GroupPolicy = GroupPolicy.HoldSiblings }, Given.Users((Port, UserKind.NetworkAddress, "x")));
        var proofs = plan.Lanes.SelectMany(l => l.Steps).Select(s => s.Step).OfType<PlanStep.ProveFree>().ToDictionary(p => p.Address);
        Assert.Contains(UserKind.NetworkAddress, proofs[PciAddress.Parse(Port)].Overridden);
        Assert.Empty(proofs[PciAddress.Parse(Sibling)].Overridden);
    }

    [Fact]
    public void What_a_version_before_has_taken_so_stays_in_force()
    {
        var machine = Machine();
        foreach (var address in new[] { Port, Sibling })
            machine.Change(address, f => f with { Driver = "vfio-pci" });
        var input = Given.Input(machine, Policy(pci => pci with { GroupPolicy = GroupPolicy.HoldSiblings })) with
        {
            Ownership = Ownership.None.Owns(Port, "igb").Owns(Sibling, "igb"),
        };
        var plan = input.Plan();
        Assert.Equal([Port], plan.UnitIds());
        Assert.DoesNotContain(plan.Findings, f => f.State == FindingState.Blocked);
    }

    private static Plan Plan(Func<PciDevices, PciDevices> change, HostUsage? usage = null) =>
        (Given.Input(Machine(), Policy(change)) with { Usage = usage ?? BothUsed }).Plan();

    private static EffectivePolicy Policy(Func<PciDevices, PciDevices> change) =>
        Given.HostDevice(
            selector: new PciSelector { Addresses = [PciAddress.Parse(Port)] },
            pci: change,
            spec: s => s with { AllowProtected = [Protection.Network] }
        );

    private static Machine Machine() =>
        new Machine().Function(Port, 15, "igb", "8086:10c9", 0x020000).Function(Sibling, 15, "igb", "8086:10c9", 0x020000);
}
