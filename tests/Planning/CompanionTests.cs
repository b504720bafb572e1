using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

public sealed class CompanionTests
{
    private static readonly ResourceName Audio = ResourceName.Parse("example.com/gpu-audio");
    private static readonly ResourceName Usb = ResourceName.Parse("example.com/gpu-usb");

    private static GroupMember Function(int number, ResourceName? companion, bool? assigned = null) =>
        new()
        {
            Function = number,
            Companion = companion,
            Assigned = assigned,
        };

    private static EffectivePolicy Policy(string name, int year, string? resource = null, params ImmutableArray<GroupMember> members) =>
        Given.HostDevice(
            name,
            spec: s =>
                s with
                {
                    ResourceName = resource is null ? s.ResourceName : ResourceName.Parse(resource),
                    Devices = new DeviceSource { Pci = s.Devices.Pci! with { Members = members } },
                },
            year: year
        );

    [Fact]
    public void A_unit_has_the_companions_of_the_members_that_its_vm_gets_in_their_order()
    {
        var machine = new Machine()
            .Gpu()
            .Audio()
            .Function("0000:43:00.2", 12, null, "10de:1ada", 0x0c0330)
            .Function("0000:43:00.3", 12, null, "10de:1ada", 0x0c0330)
            .Function("0000:43:00.4", 12, null, "10de:1adb", 0x0c8000);
        var byIds = new GroupMember
        {
            Vendor = PciId.Parse("10de"),
            Device = PciId.Parse("1ada"),
            Companion = Usb,
        };
        var plan = Given.Input(machine, Policy("gpus", 2020, null, byIds, Function(1, Audio), Function(4, null, assigned: false))).Plan();

        Assert.Equal(
            [(Usb, "0000:43:00.2"), (Usb, "0000:43:00.3"), (Audio, "0000:43:00.1")],
            Assert.Single(plan.Units).Companions.Select(c => (c.Name, c.Device.ToString()))
        );
        Assert.Equal(["example.com/gpu-audio", "example.com/gpu-usb", "example.com/gpus"], plan.Resources.Select(r => r.Value));
    }

    [Fact]
    public void A_card_that_lacks_the_member_is_not_offered_beside_those_that_have_it()
    {
        var machine = new Machine().Gpu().Audio().Gpu("0000:c3:00.0", 13);
        var plan = Given.Input(machine, Policy("gpus", 2020, null, Function(1, Audio))).Plan();

        Assert.Equal(["0000:43:00.0"], plan.UnitIds());
        plan.Says(
            "0000:c3:00.0",
            FindingState.Blocked,
            Reasons.CompanionMissing,
            "0000:c3:00.0 has no member for example.com/gpu-audio: a VM that asks for example.com/gpus together with it could be given "
                + "0000:c3:00.0 and would not start; narrow the selectors to devices that have it, or give this one a policy and a "
                + "resourceName of its own"
        );
    }

    [Fact]
    public void A_companion_goes_with_one_resource_and_the_later_policy_is_refused()
    {
        var machine = new Machine().Gpu().Audio();
        var plan = Given
            .Input(machine, Policy("gpus", 2020, null, Function(1, Audio)), Policy("others", 2021, "example.com/other", Function(1, Audio)))
            .Plan();

        Assert.Equal("HostDevice/gpus", Assert.Single(plan.Units).Policy.ToString());
        plan.Says(
            "HostDevice/others",
            FindingState.Blocked,
            Reasons.ResourceNameConflict,
            "HostDevice/others has example.com/gpu-audio as a companion of example.com/other but HostDevice/gpus has it as a companion of "
                + "example.com/gpus: a VM that asks for both would be told of one of them alone; use another name"
        );
    }

    [Fact]
    public void A_companion_is_no_resource_of_devices()
    {
        var machine = new Machine().Gpu().Audio();
        var plan = Given
            .Input(machine, Policy("gpus", 2020, null, Function(1, Audio)), Policy("others", 2021, "example.com/gpu-audio"))
            .Plan();
        Assert.Contains(
            "HostDevice/others uses example.com/gpu-audio for pci devices but HostDevice/gpus uses it for companions: a resource name has "
                + "one kind of device; use another name",
            plan.About("HostDevice/others").Message,
            StringComparison.Ordinal
        );

        plan = Given
            .Input(
                machine,
                Policy("gpus", 2020, null, Function(1, ResourceName.Parse("example.com/GPU_AUDIO"))),
                Policy("others", 2021, "example.com/gpu.audio")
            )
            .Plan();
        Assert.Contains("both become EXAMPLE_COM_GPU_AUDIO", plan.About("HostDevice/others").Message, StringComparison.Ordinal);
    }

    /// <summary>Nothing of it is given back: an admin who gives both policies companions applies one after the other.</summary>
    [Fact]
    public void A_policy_of_one_resource_with_other_companions_is_rolled_out_no_further_and_stays_in_force()
    {
        var first = Policy("gpus", 2020, null, Function(1, Audio));
        var second = Given.HostDevice(
            "others",
            new PciSelector { Addresses = [PciAddress.Parse("0000:c3:00.0")] },
            spec: s => s with { ResourceName = ResourceName.Parse("example.com/gpus") },
            year: 2021
        );
        var claims = ResourceNameClaims.Of([first.InForce, second.InForce]);

        Assert.Empty(claims.Conflicts);
        Assert.Equal(
            "HostDevice/others offers example.com/gpus with no companion but HostDevice/gpus offers it with example.com/gpu-audio: a VM "
                + "that asks for companions would be given any of their devices; declare the same companions in both, or use another "
                + "resourceName",
            Assert.Single(claims.Unlike).Value
        );
        Assert.Empty(ResourceNameClaims.Of([first.InForce, Policy("others", 2021, null, Function(1, Audio)).InForce]).Unlike);
        Assert.Empty(ResourceNameClaims.Of([first.InForce, Policy("others", 2021, "example.com/other").InForce]).Unlike);
        var plan = Given.Input(new Machine().Gpu("0000:c3:00.0", 13).Gpu().Audio(), first, second).Plan();
        Assert.Contains("0000:c3:00.0", plan.UnitIds());
    }

    [Fact]
    public void Companions_of_device_groups_and_of_their_members_groups_are_claimed_like_others()
    {
        var group = Given.HostDevice(
            "pairs",
            spec: s =>
                s with
                {
                    Devices = new DeviceSource
                    {
                        Group = new DeviceGroup
                        {
                            Members =
                            [
                                new DeviceGroupMember { Name = "gpu", Pci = s.Devices.Pci! with { Members = [Function(1, Audio)] } },
                                new DeviceGroupMember
                                {
                                    Name = "nic",
                                    Companion = Usb,
                                    Pci = s.Devices.Pci!,
                                },
                            ],
                        },
                    },
                },
            year: 2020
        );
        var other = Policy("others", 2021, "example.com/other", Function(1, Usb));

        Assert.Equal([Audio, Usb], ResourceNameClaims.CompanionsOf(group.InForce));
        Assert.Contains(
            "has it as a companion of",
            Assert.Single(ResourceNameClaims.Of([group.InForce, other.InForce]).Conflicts).Value,
            StringComparison.Ordinal
        );
    }
}
