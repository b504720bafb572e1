using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// What is in use is not touched: some uses are waited for, what the host itself needs blocks until an admin overrides it by name.
/// </summary>
public sealed class UsageTests
{
    private static readonly PciSelector ByAddress = new() { Addresses = [PciAddress.Parse("0000:43:00.0")] };

    [Theory]
    [InlineData(UserKind.Mount, Protection.Storage)]
    [InlineData(UserKind.Swap, Protection.Storage)]
    [InlineData(UserKind.StackedDevice, Protection.Storage)]
    [InlineData(UserKind.NetworkAddress, Protection.Network)]
    [InlineData(UserKind.NetworkUpper, Protection.Network)]
    [InlineData(UserKind.NetworkNamespace, Protection.Network)]
    [InlineData(UserKind.Console, Protection.Console)]
    public void What_the_host_needs_is_protected_until_it_is_overridden_by_name(UserKind kind, Protection protection)
    {
        var usage = Given.Users(("0000:43:00.0", kind, "the host's own"));
        var refused = (Given.Input(new Machine().Gpu(), Given.HostDevice(selector: ByAddress)) with { Usage = usage }).Plan();
        var allowed = (
            Given.Input(
                new Machine().Gpu(),
                Given.HostDevice(selector: ByAddress, spec: s => s with { AllowProtected = [protection] })
            ) with
            {
                Usage = usage,
            }
        ).Plan();

        Assert.Empty(refused.Lanes);
        Assert.Empty(refused.Units);
        refused.Says(
            "0000:43:00.0",
            FindingState.Blocked,
            Reasons.Protected,
            $"0000:43:00.0 is in use: the host's own: the host needs it; free it, or list {protection} in "
                + "allowProtected together with the address"
        );
        Assert.Single(allowed.Units);
        Assert.Contains(kind, Assert.Single(allowed.Lanes[0].Steps.Select(s => s.Step).OfType<PlanStep.Unbind>()).Overridden);
    }

    [Fact]
    public void A_protection_that_is_not_the_one_listed_still_protects()
    {
        var input = Given.Input(
            new Machine().Gpu(),
            Given.HostDevice(selector: ByAddress, spec: s => s with { AllowProtected = [Protection.Console] })
        ) with
        {
            Usage = Given.Users(
                ("0000:43:00.0", UserKind.Console, "boot VGA"),
                ("0000:43:00.0", UserKind.Mount, "nvme0n1p1 is mounted at /data")
            ),
        };

        Assert.Empty(input.Plan().Lanes);
        Assert.Contains(
            "nvme0n1p1 is mounted at /data: the host needs it; free it, or list Storage in allowProtected",
            input.Plan().About("0000:43:00.0").Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Everything_that_is_needed_is_listed_at_once()
    {
        var input = Given.Input(new Machine().Gpu(), Given.HostDevice(selector: ByAddress)) with
        {
            Usage = Given.Users(
                ("0000:43:00.0", UserKind.NetworkAddress, "eth0 has 192.0.2.7/24"),
                ("0000:43:00.0", UserKind.Console, "boot VGA")
            ),
        };

        input
            .Plan()
            .Says(
                "0000:43:00.0",
                FindingState.Blocked,
                Reasons.Protected,
                "0000:43:00.0 is in use: eth0 has 192.0.2.7/24, boot VGA: the host needs it; free it, or list "
                    + "Console, Network in allowProtected together with the address"
            );
    }

    [Theory]
    [InlineData(UserKind.Pod)]
    [InlineData(UserKind.VfioHolder)]
    [InlineData(UserKind.OpenNode)]
    [InlineData(UserKind.Unknown)]
    [InlineData(UserKind.MediatedDevices)]
    public void A_user_is_waited_for_and_nothing_overrides_it(UserKind kind)
    {
        var input = Given.Input(
            new Machine().Gpu(),
            Given.HostDevice(
                selector: ByAddress,
                spec: s => s with { AllowProtected = [Protection.Console, Protection.Network, Protection.Storage] }
            )
        ) with
        {
            Usage = Given.Users(("0000:43:00.0", kind, "process 7 (Xorg) has /dev/dri/card0 open")),
        };

        Assert.Empty(input.Plan().Lanes);
        Assert.Empty(input.Plan().Units);
        input
            .Plan()
            .Says(
                "0000:43:00.0",
                FindingState.Waiting,
                Reasons.InUse,
                "0000:43:00.0 is in use: process 7 (Xorg) has /dev/dri/card0 open: it is taken as soon as nobody uses it"
            );
    }

    [Fact]
    public void A_sibling_s_user_keeps_the_whole_group_from_being_taken()
    {
        var input = Given.Input(
            new Machine().Gpu().Audio(),
            Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })
        ) with
        {
            Usage = Given.Users(("0000:43:00.1", UserKind.OpenNode, "process 9 (pipewire) has /dev/snd/pcmC1D3p open")),
        };

        Assert.Empty(input.Plan().Lanes);
        Assert.Equal(
            "0000:43:00.1 is in use: process 9 (pipewire) has /dev/snd/pcmC1D3p open: it is taken as soon as nobody uses it",
            input.Plan().About("0000:43:00.0").Message
        );
    }

    [Fact]
    public void A_unit_that_is_taken_stays_a_unit_while_its_VM_runs()
    {
        var machine = new Machine().Gpu(driver: "vfio-pci").Change("0000:43:00.0", f => f with { DriverOverride = "vfio-pci" });
        var input = Given.Input(machine, Given.HostDevice()) with
        {
            Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau"),
            Usage = Given.Users(("0000:43:00.0", UserKind.Pod, "pod default/vm has 0000:43:00.0")),
        };

        Assert.Equal(["0000:43:00.0"], input.Plan().UnitIds());
        Assert.Empty(input.Plan().Lanes);
        Assert.Empty(input.Plan().Findings);
    }

    [Fact]
    public void A_physical_function_with_VFs_is_not_passed_whole()
    {
        var plan = Given
            .Input(new Machine().PhysicalFunction(vfs: 2), Given.HostDevice("nics", new PciSelector { Device = PciId.Parse("10c9") }))
            .Plan();

        Assert.Empty(plan.Lanes);
        plan.Says(
            "0000:41:00.0",
            FindingState.Blocked,
            Reasons.HasVirtualFunctions,
            "0000:41:00.0 has 2 virtual functions, which would go with it: remove them first, or select its virtual functions instead"
        );
    }
}
