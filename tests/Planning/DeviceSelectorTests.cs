using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;
using Xunit;

namespace Hostdev.Tests.Planning;

public sealed class DeviceSelectorTests
{
    private static readonly PciFunction Gpu = new Machine()
        .Function(
            "0000:43:00.0",
            12,
            "nouveau",
            with: f => f with { SubsystemVendor = PciId.Parse("1043"), SubsystemDevice = PciId.Parse("87d1"), Slot = "7" }
        )
        .Build()
        .Functions[PciAddress.Parse("0000:43:00.0")];

    [Fact]
    public void Every_given_property_must_match()
    {
        var all = new PciSelector
        {
            Vendor = PciId.Parse("10de"),
            Device = PciId.Parse("2204"),
            SubsystemVendor = PciId.Parse("1043"),
            SubsystemDevice = PciId.Parse("87d1"),
            Class = PciClass.Parse("0300"),
            Addresses = [PciAddress.Parse("0000:44:00.0"), PciAddress.Parse("0000:43:00.0")],
            Slot = "7",
            Driver = "nouveau",
        };

        Assert.True(SelectorTerms.Of(all).Matches(Gpu, "nouveau", []));
        PciSelector[] wrong =
        [
            all with
            {
                Vendor = PciId.Parse("10df"),
            },
            all with
            {
                Device = PciId.Parse("2205"),
            },
            all with
            {
                SubsystemVendor = PciId.Parse("1044"),
            },
            all with
            {
                SubsystemDevice = PciId.Parse("87d2"),
            },
            all with
            {
                Class = PciClass.Parse("0302"),
            },
            all with
            {
                Addresses = [PciAddress.Parse("0000:44:00.0")],
            },
            all with
            {
                Slot = "8",
            },
            all with
            {
                Driver = "nvidia",
            },
        ];
        Assert.All(wrong, s => Assert.False(SelectorTerms.Of(s).Matches(Gpu, "nouveau", [])));
    }

    [Theory]
    [InlineData("03", true)]
    [InlineData("0300", true)]
    [InlineData("030000", true)]
    [InlineData("04", false)]
    [InlineData("0302", false)]
    [InlineData("030001", false)]
    public void A_class_matches_by_its_beginning(string digits, bool matches) =>
        Assert.Equal(matches, SelectorTerms.Of(new PciSelector { Class = PciClass.Parse(digits) }).Matches(Gpu, null, []));

    [Fact]
    public void The_driver_is_the_one_that_the_host_chose_not_the_one_that_we_gave()
    {
        var taken = new Machine().Gpu(driver: "vfio-pci");
        var policy = Given.HostDevice(selector: new PciSelector { Driver = "nouveau" });
        var ours = Given.Input(taken, policy) with { Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau") };

        Assert.Equal(["0000:43:00.0"], ours.Plan().UnitIds());
        Assert.Empty(Given.Input(taken, policy).Plan().Units);
    }

    [Fact]
    public void Selectors_are_alternatives()
    {
        var machine = new Machine().Gpu().Gpu("0000:44:00.0", 13).Gpu("0000:45:00.0", 14);
        var policy = Given.HostDevice(pci: p =>
            p with
            {
                Selectors =
                [
                    new PciSelector { Addresses = [PciAddress.Parse("0000:43:00.0")] },
                    new PciSelector { Addresses = [PciAddress.Parse("0000:45:00.0")] },
                ],
            }
        );

        Assert.Equal(["0000:43:00.0", "0000:45:00.0"], Given.Input(machine, policy).Plan().UnitIds());
    }

    [Fact]
    public void Virtual_functions_match_only_when_they_are_asked_for()
    {
        var machine = new Machine().PhysicalFunction(vfs: 2);
        var vf = new PciSelector { Device = PciId.Parse("10ca") };

        Assert.Equal(0, Assert.Single(Given.Input(machine, Given.HostDevice(selector: vf)).Plan().Policies).Matched);
        Assert.Equal(
            ["0000:41:10.0", "0000:41:10.2"],
            Given.Input(machine, Given.HostDevice(selector: vf, pci: p => p with { VirtualFunctions = true })).Plan().UnitIds()
        );
    }

    [Fact]
    public void Bridges_never_match()
    {
        var plan = Given
            .Input(new Machine().Bridge("0000:40:01.0", 11), Given.HostDevice(selector: new PciSelector { Class = PciClass.Parse("06") }))
            .Plan();

        Assert.Equal(0, Assert.Single(plan.Policies).Matched);
        Assert.Empty(plan.Findings);
    }

    [Fact]
    public void Physical_functions_match_by_address_interface_driver_and_ids()
    {
        var pf = new Machine().PhysicalFunction().Build().Functions[PciAddress.Parse("0000:41:00.0")];

        PfSelector[] right =
        [
            new() { Vendor = PciId.Parse("8086") },
            new() { Device = PciId.Parse("10c9") },
            new() { Addresses = [pf.Address] },
            new() { Interfaces = ["eth3", "eth4"] },
            new() { Driver = "igb" },
        ];
        PfSelector[] wrong =
        [
            new() { Vendor = PciId.Parse("8087") },
            new() { Device = PciId.Parse("10ca") },
            new() { Addresses = [PciAddress.Parse("0000:41:00.1")] },
            new() { Interfaces = ["eth5"] },
            new() { Driver = "ixgbe" },
            new() { Driver = "igb", Interfaces = ["eth5"] },
        ];
        Assert.All(right, s => Assert.True(SelectorTerms.Of(s).Matches(pf, pf.Driver, ["eth4"])));
        Assert.All(wrong, s => Assert.False(SelectorTerms.Of(s).Matches(pf, pf.Driver, ["eth4"])));
    }

    [Fact]
    public void A_physical_function_selector_never_matches_a_virtual_function()
    {
        var vf = new Machine().PhysicalFunction(vfs: 1).Build().Functions[PciAddress.Parse("0000:41:10.0")];

        Assert.False(SelectorTerms.Of(new PfSelector { Vendor = PciId.Parse("8086") }).Matches(vf, null, []));
    }

    [Fact]
    public void A_member_is_named_by_function_address_or_ids()
    {
        var audio = new Machine().Audio().Build().Functions[PciAddress.Parse("0000:43:00.1")];

        Assert.True(DeviceSelector.Names(new GroupMember { Function = 1 }, audio, Gpu));
        Assert.True(DeviceSelector.Names(new GroupMember { Address = audio.Address }, audio, Gpu));
        Assert.True(DeviceSelector.Names(new GroupMember { Vendor = PciId.Parse("10de"), Device = PciId.Parse("1aef") }, audio, Gpu));
        Assert.False(DeviceSelector.Names(new GroupMember { Function = 2 }, audio, Gpu));
        Assert.False(DeviceSelector.Names(new GroupMember { Address = Gpu.Address }, audio, Gpu));
        Assert.False(DeviceSelector.Names(new GroupMember { Vendor = PciId.Parse("10de"), Device = PciId.Parse("2204") }, audio, Gpu));
    }

    [Fact]
    public void A_function_number_counts_in_the_selected_device_s_own_slot()
    {
        var elsewhere = new Machine().Audio("0000:44:00.1").Build().Functions[PciAddress.Parse("0000:44:00.1")];

        Assert.False(DeviceSelector.Names(new GroupMember { Function = 1 }, elsewhere, Gpu));
    }
}
