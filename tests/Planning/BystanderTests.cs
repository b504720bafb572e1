using System.Globalization;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Tests.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Parts of the machine itself in a device's group: those without a driver are left alone, those with one are protected.</summary>
public sealed class BystanderTests
{
    [Theory]
    [InlineData("explicit")]
    [InlineData("hold")]
    [InlineData("assign")]
    public void Case_01_host_bridge_in_group_is_a_bystander_like_a_PCI_bridge(string how)
    {
        using var reported = FieldCase.Load("01-host-bridge-in-group");
        var input = reported.Input($"desired-{how}.yaml");
        var plan = input.Plan();

        var unit = Assert.Single(plan.Units);
        Assert.Equal(("0000:41:00.0", "0000:41:00.0"), (unit.Id.ToString(), unit.Primary.ToString()));
        Assert.Equal(["0000:41:00.0"], unit.Members.Select(m => m.Address.ToString()));
        Assert.DoesNotContain(plan.Steps(), s => s.Contains("0000:40:03", StringComparison.Ordinal));
        Assert.Empty(plan.Findings);
        Golden.MatchesWords($"case-01-{how}", input, "0000:40:03.0");
    }

    [Fact]
    public void A_switch_of_class_0680_is_a_device_and_must_be_declared()
    {
        using var reported = FieldCase.Load("01-host-bridge-in-group");
        reported.Machine.Change("[/sys/devices/pci0000:40/0000:40:03.1/0000:41:00.1]\nfunction = 10de:22a3 0000:0000 068000\ngroup = 44");

        Assert.Equal(Reasons.UndeclaredSiblings, reported.Input("desired-explicit.yaml").Plan().About("0000:41:00.0").Reason);
        var assigned = Assert.Single(reported.Input("desired-assign.yaml").Plan().Units).Assigned;
        Assert.Equal(["0000:41:00.0", "0000:41:00.1"], assigned.Select(m => m.Address.ToString()));
    }

    [Fact]
    public void With_a_driver_a_host_bridge_is_the_machine_s()
    {
        using var reported = FieldCase.Load("01-host-bridge-in-group");
        reported.Machine.Change("[/sys/devices/pci0000:40/0000:40:03.0]\ndriver = amd64_edac");

        reported
            .Input("desired-hold.yaml")
            .Plan()
            .Refuses(
                "0000:41:00.0",
                Reasons.Protected,
                "0000:40:03.0 is a part of the machine itself (Host bridge, driver amd64_edac): the host needs it; "
                    + "list System in allowProtected together with the address 0000:40:03.0 in members to take it all the same"
            );
    }

    [Fact]
    public void What_an_earlier_version_has_taken_stays_with_the_unit_and_its_ID()
    {
        using var reported = FieldCase.Load("01-host-bridge-in-group");
        reported.Machine.Change(
            """
            [/sys/devices/pci0000:40/0000:40:03.0]
            driver = pci-stub
            driver_override = pci-stub
            [/sys/devices/pci0000:40/0000:40:03.1/0000:41:00.0]
            driver = vfio-pci
            driver_override = vfio-pci
            """
        );
        var input = reported.Input("desired-hold.yaml");
        var plan = (
            input with
            {
                Ownership = Ownership
                    .None.Owns("0000:40:03.0", null, policy: "hostdevice-a100")
                    .Owns("0000:41:00.0", "nvidia", policy: "hostdevice-a100"),
            }
        ).Plan();

        Assert.Empty(plan.Lanes);
        Assert.Equal(["0000:40:03.0"], plan.UnitIds()); // pods have it by this ID
        Assert.Equal(["Held", "Noticed"], plan.Findings.Select(f => f.State.ToString()).Order(StringComparer.Ordinal));
        Assert.Equal(
            "0000:40:03.0 was taken from the host before this was looked for, and stays so: "
                + "it is a part of the machine itself (Host bridge, no driver); "
                + "narrow the policy to give it back, or list System in allowProtected together with the address 0000:40:03.0 in members",
            plan.Findings.Single(f => f.State == FindingState.Noticed).Message
        );
    }

    [Fact]
    public void Case_02_lpc_smbus_group_is_protected()
    {
        using var reported = FieldCase.Load("02-lpc-smbus-group");
        var input = reported.Input();
        var plan = input.Plan();

        plan.Refuses(
            "0000:00:14.0",
            Reasons.Protected,
            "0000:00:14.0 is a part of the machine itself (SMBus, driver piix4_smbus): the host needs it; "
                + "list System in allowProtected together with the address to take it all the same"
        );
        plan.Refuses(
            "0000:00:1f.3",
            Reasons.Protected,
            "0000:00:1f.2 is a part of the machine itself (Memory controller, driver intel_pmc_core); "
                + "0000:00:1f.4 is a part of the machine itself (SMBus, driver i801_smbus); "
                + "0000:00:1f.5 is a part of the machine itself (Serial bus controller, driver intel-spi): the host needs them; "
                + "list System in allowProtected together with the address 0000:00:1f.2, 0000:00:1f.4, 0000:00:1f.5 in members "
                + "to take them all the same"
        );
        Golden.MatchesWords("case-02", input, "0000:00:1f.3");
    }

    [Fact]
    public void No_declaration_is_asked_for_what_the_machine_itself_needs()
    {
        using var reported = FieldCase.Load("02-lpc-smbus-group");
        var audio = Given.HostDevice("audio", new PciSelector { Addresses = [PciAddress.Parse("0000:00:1f.3")] });
        Assert.Equal(Reasons.Protected, reported.Input(audio).Plan().About("0000:00:1f.3").Reason);
    }

    [Fact]
    public void Overridden_by_name_it_is_held_on_pci_stub_and_what_the_host_loses_is_said()
    {
        using var reported = FieldCase.Load("02-lpc-smbus-group");
        var audio = new PciSelector { Addresses = [PciAddress.Parse("0000:00:1f.3")] };
        var input = reported.Input(
            Given.HostDevice(
                "audio",
                audio,
                p => p with { Members = [.. new[] { 2, 4, 5 }.Select(Held)] },
                s => s with { AllowProtected = [Protection.System] }
            )
        );
        static GroupMember Held(int function) =>
            new() { Address = PciAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"0000:00:1f.{function}")), Assigned = false };
        var unit = Assert.Single(input.Plan().Units);

        // No reset leaves the root complex, so the VM need not be able to open them; the ISA bridge without a driver is left alone.
        Assert.Equal(
            ["0000:00:1f.2 pci-stub", "0000:00:1f.4 pci-stub", "0000:00:1f.5 pci-stub"],
            unit.Held.Select(m => $"{m.Address} {m.Driver}")
        );
        Assert.Equal(
            "example.com/audio: with 0000:00:1f.3 the host loses 0000:00:1f.2 (Memory controller 8086:a121, driver intel_pmc_core), "
                + "0000:00:1f.4 (SMBus 8086:a123, driver i801_smbus), "
                + "0000:00:1f.5 (Serial bus controller 8086:a124, driver intel-spi)",
            unit.HostLoses
        );
        Golden.MatchesWords("case-02-overridden", input, "0000:00:1f.4");
    }

    [Fact]
    public void Parts_of_the_machine_without_a_driver_harm_nobody_and_are_left_alone()
    {
        using var reported = FieldCase.Load("02-lpc-smbus-group");
        foreach (var function in (string[])["2", "4", "5"])
            reported.Machine.Delete($"/sys/devices/pci0000:00/0000:00:1f.{function}/driver");
        var plan = reported.Input().Plan();

        var unit = Assert.Single(plan.Units);
        Assert.Equal("0000:00:1f.3", unit.Id.ToString());
        Assert.Empty(unit.Held); // the firmware's flash least of all
    }

    [Theory]
    [InlineData("8086", "0c8000", true)]
    [InlineData("10de", "0c8000", false)] // a graphics card's UCSI
    [InlineData("8086", "080020", true)]
    [InlineData("8086", "080700", true)]
    [InlineData("8086", "088000", false)]
    public void Parts_that_never_have_a_driver_are_given_to_nobody(string vendor, string code, bool leftAlone)
    {
        using var machine = FieldCase.Described(
            $"""
            [/sys/devices/pci0000:00/0000:00:1f.3]
            function = 1234:11e8 0000:0000 040300
            driver = snd_hda_intel
            group = 7
            [/sys/devices/pci0000:00/0000:00:1f.5]
            function = {vendor}:a124 0000:0000 {code}
            group = 7
            """
        );
        var functions = new PciSelector { Vendor = PciId.Parse("1234") };
        var policy = Given.HostDevice(selector: functions, pci: p => p with { GroupPolicy = GroupPolicy.AssignSiblings });
        Assert.Equal(leftAlone ? 1 : 2, Assert.Single(machine.Input(policy).Plan().Units).Assigned.Length);
    }

    [Fact]
    public void What_is_in_force_stays_when_a_driver_comes_to_a_part_of_the_machine_beside_it()
    {
        using var reported = InForce("0000:00:1f.4", driver: "i801_smbus");
        var owned = Ownership.None.Owns("0000:00:1f.3", "snd_hda_intel").Owns("0000:00:1f.5", "intel-spi");
        var plan = (reported.Input() with { Ownership = owned }).Plan();

        Assert.Empty(plan.Lanes);
        Assert.Equal("0000:00:1f.3", Assert.Single(plan.Units).Id.ToString());
        const string said = "0000:00:1f.4 is a part of the machine itself (SMBus, driver i801_smbus): the host needs it";
        Assert.Contains(
            plan.Findings,
            f => f.State == FindingState.Noticed && f.Reason == Reasons.Protected && f.Message.StartsWith(said, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void What_is_without_a_driver_because_it_is_being_taken_is_no_part_of_the_machine_and_is_taken_on()
    {
        using var reported = InForce("0000:00:1f.4", driver: null);
        var policy = Given.HostDevice(
            "audio",
            new PciSelector { Addresses = [PciAddress.Parse("0000:00:1f.3")] },
            pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings },
            spec: s => s with { AllowProtected = [Protection.System] }
        );
        var owned = Ownership
            .None.Owns("0000:00:1f.3", "snd_hda_intel")
            .Owns("0000:00:1f.4", "i801_smbus")
            .Owns("0000:00:1f.5", "intel-spi");
        var plan = (reported.Input(policy) with { Ownership = owned }).Plan();

        Assert.Contains("0000:00:1f.4", Assert.Single(plan.Units).Held.Select(m => m.Address.ToString()));
        Assert.DoesNotContain(
            plan.Steps(),
            s => s.StartsWith("forget", StringComparison.Ordinal) || s.StartsWith("unbind", StringComparison.Ordinal)
        );
    }

    /// <summary>
    /// Case 02 with the sound on vfio-pci and the flash on pci-stub, another function without a driver, and this one as told.
    /// </summary>
    private static FieldCase InForce(string address, string? driver)
    {
        var reported = FieldCase.Load("02-lpc-smbus-group");
        foreach (var function in (string[])["2", "3", "4", "5"])
            reported.Machine.Delete($"/sys/devices/pci0000:00/0000:00:1f.{function}/driver");
        reported.Machine.Change(
            $"""
            [/sys/devices/pci0000:00/0000:00:1f.3]
            driver = vfio-pci
            driver_override = vfio-pci
            [/sys/devices/pci0000:00/0000:00:1f.5]
            driver = pci-stub
            driver_override = pci-stub
            [/sys/devices/pci0000:00/{address}]
            {(driver is null ? "driver_override = pci-stub" : $"driver = {driver}")}
            """
        );
        return reported;
    }

    /// <summary>Class, driver, place, and whether the host keeps it. By class alone it would be wrong both ways.</summary>
    [Theory]
    [InlineData("058000", "intel_pmc_core", true, true)]
    [InlineData("050000", "some_driver", true, true)]
    [InlineData("060000", "skx_edac", true, true)]
    [InlineData("060000", "some_driver", true, true)]
    [InlineData("060100", "lpc_ich", true, true)]
    [InlineData("060200", "some_driver", true, true)]
    [InlineData("0c0500", "i801_smbus", true, true)]
    [InlineData("0c0500", "some_driver", true, true)]
    [InlineData("080600", "some_driver", true, true)]
    [InlineData("0c8000", "intel-spi", true, true)]
    [InlineData("078000", "mei_me", true, true)]
    [InlineData("118000", "intel-lpss", true, true)]
    [InlineData("118000", "intel_vsec", true, true)]
    [InlineData("108000", "ccp", false, true)] // AMD's security processor lies behind a bridge inside the processor
    [InlineData("0c0340", "thunderbolt", false, true)]
    [InlineData("060000", "k10temp", true, true)]
    [InlineData("110100", "ie31200_edac", true, true)]
    [InlineData("058000", "add_in", false, false)]
    [InlineData("0c0500", "add_in", false, false)]
    [InlineData("088000", "ioatdma", true, false)]
    [InlineData("088000", "idxd", true, false)]
    [InlineData("088000", "apex", false, false)]
    [InlineData("0b4000", "4xxx", true, false)]
    [InlineData("120000", "habanalabs", false, false)]
    [InlineData("040300", "snd_hda_intel", true, false)]
    [InlineData("0c0330", "xhci_hcd", true, false)]
    [InlineData("118000", "proc_thermal_pci", true, false)]
    [InlineData("0c8000", "nvidia-gpu", false, false)]
    [InlineData("068000", "some_driver", false, false)]
    [InlineData("020000", "e1000e", true, false)]
    public void The_machine_s_own_functions_are_told_by_class_in_the_root_complex_or_by_driver(
        string code,
        string driver,
        bool integrated,
        bool kept
    )
    {
        const string bridge =
            "[/sys/devices/pci0000:00/0000:00:01.0]\nfunction = 8086:1901 0000:0000 060400\ndriver = pcieport\ngroup = 1\n";
        var (path, address) = integrated
            ? ("/sys/devices/pci0000:00/0000:00:1f.3", "0000:00:1f.3")
            : ("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0", "0000:01:00.0");
        using var machine = FieldCase.Described($"{bridge}[{path}]\nfunction = 1234:11e8 0000:0000 {code}\ndriver = {driver}\ngroup = 7\n");
        var plan = machine.Input(Given.HostDevice(selector: new PciSelector { Vendor = PciId.Parse("1234") })).Plan();

        if (kept)
            Assert.Equal((FindingState.Blocked, Reasons.Protected), (plan.About(address).State, plan.About(address).Reason));
        else
            Assert.Equal([address], plan.UnitIds());
    }

    [Theory]
    [InlineData("max_link_speed = 8.0 GT/s PCIe", false)]
    [InlineData("max_link_speed = Unknown", true)]
    [InlineData("", true)]
    public void A_slot_directly_on_a_root_bus_is_told_by_its_link(string speed, bool kept)
    {
        using var machine = FieldCase.Described(
            $"""
            [/sys/devices/pci0000:01/0000:01:00.0]
            function = 1234:11e8 0000:0000 058000
            driver = add_in
            group = 7
            {speed}

            """
        );
        var plan = machine.Input(Given.HostDevice(selector: new PciSelector { Vendor = PciId.Parse("1234") })).Plan();

        Assert.Equal(kept ? 0 : 1, plan.Units.Length);
    }

    /// <summary>
    /// An AMD desktop processor: function 0 is nobody's, then security processor, USB and sound, and here the graphics too.
    /// </summary>
    private const string Zen = """
        [/sys/devices/pci0000:00/0000:00:08.1]
        function = 1022:1484 0000:0000 060400
        driver = pcieport
        group = 15
        [/sys/devices/pci0000:00/0000:00:08.1/0000:0b:00.0]
        function = 1022:1485 0000:0000 130000
        group = 15
        [/sys/devices/pci0000:00/0000:00:08.1/0000:0b:00.1]
        function = 1022:1486 0000:0000 108000
        driver = ccp
        group = 15
        [/sys/devices/pci0000:00/0000:00:08.1/0000:0b:00.3]
        function = 1022:149c 0000:0000 0c0330
        driver = xhci_hcd
        group = 15
        [/sys/devices/pci0000:00/0000:00:08.1/0000:0b:00.4]
        function = 1022:1487 0000:0000 040300
        driver = snd_hda_intel
        group = 15
        [/sys/devices/pci0000:00/0000:00:08.1/0000:0b:00.5]
        function = 10de:2204 0000:0000 030000
        driver = nouveau
        group = 15

        """;

    [Fact]
    public void The_guide_s_graphics_card_is_protected_where_its_group_holds_the_processor_s_own_functions()
    {
        using var machine = FieldCase.Described(Zen);

        machine
            .Input(Gpus)
            .Plan()
            .Refuses(
                "0000:0b:00.5",
                Reasons.Protected,
                "0000:0b:00.1 is a part of the machine itself (Crypto controller, driver ccp): the host needs it; "
                    + "list System in allowProtected together with the address 0000:0b:00.1 in members to take it all the same"
            );
    }

    [Fact]
    public void Where_only_the_sound_of_the_processor_is_wanted_function_0_is_nobody_s_and_never_the_ID()
    {
        using var machine = FieldCase.Described(Zen.Replace("driver = ccp\n", "", StringComparison.Ordinal));
        var plan = machine.Input(Gpus).Plan();

        var unit = Assert.Single(plan.Units);
        Assert.Equal("0000:0b:00.1", unit.Id.ToString());
        Assert.DoesNotContain(plan.Steps(), s => s.Contains("0000:0b:00.0", StringComparison.Ordinal));
    }

    [Fact]
    public void The_guide_s_graphics_card_works_for_one_with_four_functions()
    {
        using var machine = FieldCase.Described(
            """
            [/sys/devices/pci0000:40/0000:40:01.0]
            function = 8086:2030 0000:0000 060400
            driver = pcieport
            group = 12
            [/sys/devices/pci0000:40/0000:40:01.0/0000:43:00.0]
            function = 10de:1e04 0000:0000 030000
            driver = nouveau
            group = 12
            reset_method = bus
            consumer:pci:0000:43:00.1/status = not tracked
            consumer:pci:0000:43:00.3/status = not tracked
            [/sys/devices/pci0000:40/0000:40:01.0/0000:43:00.1]
            function = 10de:10f7 0000:0000 040300
            driver = snd_hda_intel
            group = 12
            [/sys/devices/pci0000:40/0000:40:01.0/0000:43:00.2]
            function = 10de:1ad6 0000:0000 0c0330
            driver = xhci_hcd
            group = 12
            [/sys/devices/pci0000:40/0000:40:01.0/0000:43:00.3]
            function = 10de:1ad7 0000:0000 0c8000
            driver = nvidia-gpu
            group = 12
            """
        );
        var unit = Assert.Single(machine.Input(Gpus).Plan().Units);

        Assert.Equal(
            ["0000:43:00.1 vfio-pci", "0000:43:00.2 vfio-pci", "0000:43:00.3 vfio-pci"],
            unit.Held.Select(m => $"{m.Address} {m.Driver}")
        );
    }

    [Fact]
    public void A_class_or_vendor_never_means_a_bystander()
    {
        using var machine = FieldCase.Described(Zen.Replace("driver = ccp\n", "", StringComparison.Ordinal));
        var amd = new PciSelector { Vendor = PciId.Parse("1022") };
        var plan = machine.Input(Given.HostDevice(selector: amd, pci: p => p with { GroupPolicy = GroupPolicy.AssignSiblings })).Plan();

        Assert.Equal(
            ["0000:0b:00.1", "0000:0b:00.3", "0000:0b:00.4", "0000:0b:00.5"],
            Assert.Single(plan.Units).Assigned.Select(m => m.Address.ToString())
        );
    }

    [Fact]
    public void An_address_of_a_bystander_is_no_wish_to_take_it_unless_the_policy_says_so()
    {
        var both = new PciSelector { Addresses = [PciAddress.Parse("0000:40:03.0"), PciAddress.Parse("0000:41:00.0")] };
        using var reported = FieldCase.Load("01-host-bridge-in-group");
        var plan = reported.Input(Given.HostDevice(selector: both)).Plan();
        Assert.Equal(["0000:41:00.0"], Assert.Single(plan.Units).Members.Select(m => m.Address.ToString()));
        plan.Says(
            "0000:40:03.0",
            FindingState.Noticed,
            Reasons.Protected,
            "0000:40:03.0 is left as it is, because it is a part of the machine itself (Host bridge, no driver): "
                + "leave it out of addresses, or list System in allowProtected"
        );

        var alone = reported.Input(Given.HostDevice(selector: both with { Addresses = [PciAddress.Parse("0000:00:00.0")] })).Plan();
        Assert.Empty(alone.Lanes);

        var overridden = reported
            .Input(Given.HostDevice(selector: both, spec: s => s with { AllowProtected = [Protection.System] }))
            .Plan();
        Assert.Equal(["0000:40:03.0", "0000:41:00.0"], Assert.Single(overridden.Units).Assigned.Select(m => m.Address.ToString()));
    }

    private static EffectivePolicy Gpus =>
        Given.HostDevice(
            "gpu",
            new PciSelector { Vendor = PciId.Parse("10de"), Class = PciClass.Parse("03") },
            p => p with { GroupPolicy = GroupPolicy.HoldSiblings }
        );
}
