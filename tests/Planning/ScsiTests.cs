using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Which SCSI devices a policy means, and which of them can be lent.</summary>
public sealed class ScsiTests
{
    private static readonly PciAddress s_adapter = PciAddress.Parse("0000:02:00.0");
    private static readonly PciAddress s_second = PciAddress.Parse("0000:03:00.0");

    private static readonly ScsiDevice s_seagate = Disk("0:0:0:0", "sg0", wwid: "naa.5000c500aaaaaaaa", serial: "SER-A");
    private static readonly ScsiDevice s_sata = Disk(
        "1:0:0:0",
        "sg1",
        vendor: "ATA",
        wwid: "t10.ATA     QEMU HARDDISK    QM00001",
        serial: "QM00001"
    );
    private static readonly ScsiDevice s_nameless = Disk("2:0:0:0", "sg2", vendor: "LSI", model: "MegaRAID");

    [Theory]
    [InlineData("vendor", "SEAGATE", "0:0:0:0")]
    [InlineData("model", "ST1000", "0:0:0:0")]
    [InlineData("vendor", "ATA", "")]
    [InlineData("vendor", "LSI", "")]
    [InlineData("model", "MegaRAID", "")]
    [InlineData("serial", "QM00001", "1:0:0:0")]
    [InlineData("serial", "SER-A", "0:0:0:0")]
    [InlineData("wwid", "naa.5000c500aaaaaaaa", "0:0:0:0")]
    [InlineData("wwid", "t10.ATA QEMU HARDDISK QM00001", "1:0:0:0")]
    [InlineData("address", "1:0:0:0", "1:0:0:0")]
    [InlineData("address", "2:0:0:0", "2:0:0:0")]
    [InlineData("address", "0:0:0:1", "")]
    public void A_selector_means_what_it_names_and_by_vendor_or_model_alone_neither_libata_s_nor_what_has_no_name(
        string field,
        string value,
        string address
    )
    {
        var plan = Given.Input(Having(s_seagate, s_sata, s_nameless), Policy(Selector(field, value))).Plan();
        Assert.Equal(address, string.Join(" ", plan.Units.Select(u => AddressOf(u, s_seagate, s_sata, s_nameless))));
    }

    [Fact]
    public void What_matches_nothing_is_told_what_there_is_and_what_a_vendor_does_not_name()
    {
        var plan = Given.Input(Having(s_seagate, s_sata, s_nameless), Policy(new ScsiSelector { Vendor = "ATA" })).Plan();
        Assert.Equal(
            ", which has 3 on SCSI: 0:0:0:0 (SEAGATE ST1000, naa.5000c500aaaaaaaa), 1:0:0:0 (ATA ST1000, "
                + "t10.ATA     QEMU HARDDISK    QM00001), 2:0:0:0 (LSI MegaRAID, without a name); disks of vendor ATA are matched by "
                + "serial, wwid or address alone; what has neither wwid nor serial by its address, for as long as it is there",
            Assert.Single(plan.Policies).Hint
        );
    }

    [Fact]
    public void One_wwid_behind_two_adapters_is_one_disk_and_offered_by_none_of_its_paths()
    {
        var other = s_seagate with
        {
            Id = IdOf(s_second, "naa.5000c500aaaaaaaa"),
            Address = "3:0:4:0",
            GenericName = "sg7",
            Controller = s_second,
        };
        var plan = Given.Input(Having(s_seagate, other), Policy(new ScsiSelector { Wwid = s_seagate.Wwid })).Plan();
        Assert.Empty(plan.Units);
        var paths = plan.Findings.Where(f => f.Reason == Reasons.SeveralPaths).ToList();
        Assert.Equal(2, paths.Count);
        Assert.All(paths, f => Assert.Contains("call themselves naa.5000c500aaaaaaaa", f.Message, StringComparison.Ordinal));
        Assert.Contains("if they are disks to which their maker gave one name", paths[0].Message, StringComparison.Ordinal);
    }

    /// <summary>They have one ID, so nothing says which of them a pod would get.</summary>
    [Fact]
    public void Two_with_one_serial_number_on_one_adapter_are_offered_to_nobody()
    {
        var first = Disk("0:0:0:0", "sg0", serial: "0123456789");
        var plan = Given
            .Input(Having(first, first with { Address = "0:0:1:0", GenericName = "sg1" }), Policy(Selector("serial", "0123456789")))
            .Plan();
        Assert.Empty(plan.Units);
        Assert.StartsWith(
            "0:0:0:0 and 0:0:1:0 call themselves 0123456789, so they are paths to one disk",
            Assert.Single(plan.Findings, f => f.Reason == Reasons.SeveralPaths).Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>Each is a unit of its own: cheap disks with one number on different adapters are told apart by these.</summary>
    [Fact]
    public void One_serial_number_on_two_adapters_is_two_devices()
    {
        var first = Disk("0:0:0:0", "sg0", serial: "0123456789");
        var second = first with { Id = IdOf(s_second, "0123456789"), Address = "1:0:0:0", GenericName = "sg1", Controller = s_second };
        Assert.Equal(2, Given.Input(Having(first, second), Policy(Selector("serial", "0123456789"))).Plan().Units.Length);
    }

    [Fact]
    public void What_the_host_keeps_on_it_is_in_the_way_unless_the_policy_passes_over_it()
    {
        var input = Given.Input(Having(s_seagate), Policy(Selector("wwid", s_seagate.Wwid!))) with
        {
            Usage = new HostUsage(
                ImmutableSortedDictionary<DeviceId, ImmutableArray<DeviceUser>>.Empty.Add(
                    s_seagate.Id,
                    [new DeviceUser(UserKind.StackedDevice, "sda is part of dm-0 (mpatha)")]
                )
            ),
        };
        Golden.MatchesWords("scsi-disk", input, s_seagate.Id.ToString());
        var kept = Assert.Single(input.Plan().Units).OnAllocate!;
        Assert.Equal(Reasons.Protected, kept.Obstacle!.Reason);

        var passed = Assert.Single(
            (input with { Policies = [Policy(Selector("wwid", s_seagate.Wwid!), s => s with { AllowProtected = [Protection.Storage] })] })
                .Plan()
                .Units
        );
        Assert.Null(passed.OnAllocate!.Obstacle);
        Assert.Contains(UserKind.StackedDevice, Assert.IsType<PlanStep.Lend>(Assert.Single(passed.OnAllocate.Steps)).Overridden);
    }

    /// <summary>What is lent is offered as the host has it: what the host needs is no unit at all where it is passed over.</summary>
    [Fact]
    public void Of_all_disks_of_a_vendor_those_that_are_mounted_are_passed_over()
    {
        var mounted = Disk("0:0:1:0", "sg1", wwid: "naa.5000c500bbbbbbbb", serial: "SER-B");
        var input = Given.Input(
            Having(s_seagate, mounted),
            Policy(new ScsiSelector { Vendor = "SEAGATE", OnProtected = OnProtected.PassOver })
        ) with
        {
            Usage = new HostUsage(
                ImmutableSortedDictionary<DeviceId, ImmutableArray<DeviceUser>>.Empty.Add(
                    mounted.Id,
                    [new DeviceUser(UserKind.Mount, "sdb is mounted at /srv")]
                )
            ),
        };
        var plan = input.Plan();
        Assert.Equal([(DeviceId)s_seagate.Id], plan.Units.Select(u => u.Id));
        Assert.Equal(Reasons.PassedOver, Assert.Single(plan.Findings, f => f.Device == mounted.Id.ToString()).Reason);
        Assert.Equal(1, Assert.Single(plan.Policies).Matched);
    }

    private static string AddressOf(Unit unit, params ScsiDevice[] devices) => devices.Single(d => unit.Id == (DeviceId)d.Id).Address;

    private static ScsiSelector Selector(string field, string value) =>
        field switch
        {
            "vendor" => new() { Vendor = value },
            "model" => new() { Model = value },
            "serial" => new() { Serial = value },
            "wwid" => new() { Wwid = value },
            _ => new() { Address = value },
        };

    private static EffectivePolicy Policy(ScsiSelector selector, Func<HostDeviceSpec, HostDeviceSpec>? with = null) =>
        Given.HostDevice(
            "disks",
            spec: s =>
            {
                var spec = s with { Devices = new DeviceSource { Scsi = new ScsiDevices { Selectors = [selector] } } };
                return with is null ? spec : with(spec);
            }
        );

    private static HostInventory Having(params ImmutableArray<ScsiDevice> devices) =>
        new Machine().Function("0000:02:00.0", 2, "megaraid_sas", "1000:0014", 0x010400).Build() with
        {
            ScsiDevices = devices,
        };

    private static ScsiDevice Disk(
        string address,
        string generic,
        string vendor = "SEAGATE",
        string model = "ST1000",
        string? wwid = null,
        string? serial = null
    ) =>
        new()
        {
            Id = IdOf(s_adapter, wwid ?? serial ?? "at " + address),
            Address = address,
            GenericName = generic,
            Type = 0,
            Vendor = vendor,
            Model = model,
            Wwid = wwid,
            Serial = serial,
            Controller = s_adapter,
        };

    private static ScsiDisk IdOf(PciAddress adapter, string name) => ScsiDisk.Of(adapter.ToString(), name, 0);
}
