using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Sriov;
using Hostdev.Tests.Host;
using Hostdev.Tests.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// A switchdev representor hangs below its physical function and is no interface of it: who names it does not mean the physical function.
/// </summary>
public sealed class RepresentorTests
{
    private const string Pf = "0000:41:00.0";
    private const string Said =
        $"{Pf} is not chosen by eth5, which belongs to a virtual function or a subfunction (a representor, or its "
        + "own) and is no interface of its own: write ens1f0np0, or its address";

    [Theory]
    [InlineData("pf0vf0", true)]
    [InlineData("pf1vf127", true)]
    [InlineData("pf0sf88", true)]
    [InlineData("c1pf0vf3", true)]
    [InlineData("c1pf0", true)]
    [InlineData("pf0hpf", true)]
    [InlineData("p0pf0vf1", true)]
    [InlineData("p0", false)]
    [InlineData("p0s1", false)]
    [InlineData("pf0", false)]
    [InlineData("pf0vfx", false)]
    [InlineData("", false)]
    public void A_port_s_name_tells_whom_it_is_for(string port, bool isRepresentor)
    {
        using var reported = FieldCase.Load("10-vfs-that-are-not-there");
        reported.Machine.Change(
            $"""
            [/sys/devices/pci0000:3b/0000:3b:00.0/net/eth5]
            phys_port_name = {port}
            phys_switch_id = 3c2c30ffff0a1b2c
            @ /sys/class/net
            [/sys/devices/pci0000:3b/0000:3b:00.0/net/ens1f0]
            phys_port_name = p0
            """
        );
        var children = reported.Machine.Read().Functions[PciAddress.Parse("0000:3b:00.0")].Children;
        Assert.Contains(new ChildDevice(ChildKind.NetworkInterface, "ens1f0"), children);
        Assert.Contains(new ChildDevice(isRepresentor ? ChildKind.Representor : ChildKind.NetworkInterface, "eth5"), children);
    }

    [Fact]
    public void A_subfunction_s_interface_is_not_its_physical_function_s()
    {
        using var reported = FieldCase.Load("10-vfs-that-are-not-there");
        reported.Machine.Change(
            """
            [/sys/devices/pci0000:3b/0000:3b:00.0/mlx5_core.sf.4/net/enp59s0f0s88]
            @ /sys/class/net
            """
        );
        var children = reported.Machine.Read().Functions[PciAddress.Parse("0000:3b:00.0")].Children;
        Assert.Contains(new ChildDevice(ChildKind.Representor, "enp59s0f0s88"), children);
    }

    [Fact]
    public async Task A_port_s_name_that_is_not_answered_chooses_nothing_and_later_is_what_it_was()
    {
        using var reported = FieldCase.Load("10-vfs-that-are-not-there");
        reported.Machine.Change(
            """
            [/sys/devices/pci0000:3b/0000:3b:00.0/net/eth5]
            phys_port_name = p1
            @ /sys/class/net
            """
        );
        var name = reported.Machine.Resolve("/sys/class/net/eth5/phys_port_name");
        var reader = new InventoryReader(reported.Machine.Paths, TimeProvider.System, blockingDeadline: TimeSpan.FromMilliseconds(100));
        ChildKind Kind() => reader.Read().Functions[PciAddress.Parse("0000:3b:00.0")].Children.Single(c => c.Name == "eth5").Kind;

        async Task UnansweredItIs(ChildKind kind)
        {
            Fifo.Create(name);
            Assert.Equal(kind, Kind());
            Fifo.Answer(name, "p1\n");
            await Waiting.UntilAsync(() => reader.OutstandingReads == 0);
            File.Delete(name);
            await File.WriteAllTextAsync(name, "p1\n", TestContext.Current.CancellationToken);
        }

        await UnansweredItIs(ChildKind.Representor);
        Assert.Equal(ChildKind.NetworkInterface, Kind());
        await UnansweredItIs(ChildKind.NetworkInterface);
    }

    [Fact]
    public void A_representor_s_name_does_not_choose_the_physical_function_and_that_is_said()
    {
        var plan = Given.Input(Switchdev(), ByInterface("eth5")).Plan();
        plan.Says(Pf, FindingState.Blocked, Reasons.Representor, Said);
        Assert.Empty(plan.Lanes);
        Assert.Equal(0, Assert.Single(plan.Policies).Matched);
        Assert.Empty(plan.Choices!.Value);
        Golden.MatchesWords("representor", Given.Input(Switchdev(), ByInterface("eth5")), Pf);
    }

    [Fact]
    public void Its_own_interface_chooses_it_and_nothing_is_said()
    {
        var plan = Given.Input(Switchdev(), ByInterface("eth5", "ens1f0np0")).Plan();
        Assert.Equal(1, Assert.Single(plan.Policies).Matched);
        Assert.DoesNotContain(plan.Findings, f => f.Reason == Reasons.Representor);
    }

    [Fact]
    public void An_alternative_name_of_a_representor_is_one_too()
    {
        var names = ImmutableDictionary<string, ImmutableArray<string>>.Empty.Add("eth5", ["enp65s0f0npf0vf0"]);
        var plan = (Given.Input(Switchdev(), ByInterface("enp65s0f0npf0vf0")) with { AlternativeNames = names }).Plan();
        Assert.Equal(Reasons.Representor, plan.About(Pf).Reason);
    }

    /// <summary>The version before took the name for the physical function's own, and kept no file of choices before that.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_in_force_by_a_representor_s_name_stays_and_is_told_what_to_write(bool hasChoice)
    {
        var input = Given.Input(Switchdev(), ByInterface("eth5")) with { Ownership = Ownership.None.OwnsVfsOf(Pf, asked: 2, made: 2) };
        if (hasChoice)
        {
            input = input with
            {
                Choices =
                [
                    new Choice("sriovpolicy-nics", PciAddress.Parse(Pf), PciId.Parse("8086"), PciId.Parse("10c9")) { Interface = "eth5" },
                ],
            };
        }

        var plan = input.Plan();

        Assert.Equal(2, plan.Units.Length);
        Assert.Empty(plan.Lanes);
        plan.Says(
            Pf,
            FindingState.Noticed,
            Reasons.NameChanged,
            $"{Pf} was chosen by eth5, which belongs to a virtual function or a subfunction (a representor, or its "
                + "own): what is in force stays; write the new name or the address"
        );
        Assert.Equal("eth5", Assert.Single(plan.Choices!.Value).Interface);
    }

    [Fact]
    public void A_physical_function_whose_own_interface_is_in_a_container_has_it_elsewhere_whatever_stands_for_others()
    {
        using var reported = FieldCase.Load("10-vfs-that-are-not-there");
        reported.Machine.Delete("/sys/class/net/ens1f0");
        reported.Machine.Change(
            """
            [/sys/devices/pci0000:3b/0000:3b:00.0/net/eth5]
            phys_port_name = pf0vf0
            @ /sys/class/net
            """
        );
        Assert.True(reported.Machine.Read().Functions[PciAddress.Parse("0000:3b:00.0")].NetworkInterfaceElsewhere);
    }

    private static Machine Switchdev() =>
        new Machine()
            .PhysicalFunction(vfs: 2, vfDriver: "vfio-pci")
            .Change(
                Pf,
                f =>
                    f with
                    {
                        Children =
                        [
                            new ChildDevice(ChildKind.NetworkInterface, "ens1f0np0"),
                            new ChildDevice(ChildKind.Representor, "eth5"),
                            new ChildDevice(ChildKind.Representor, "eth6"),
                        ],
                    }
            );

    private static EffectivePolicy ByInterface(params ImmutableArray<string> names) =>
        Given.Sriov(2, spec: p => p with { PhysicalFunctions = [new PfSelector { Interfaces = names }] });
}
