using Hostdev.Crds;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Planning.Mdev;
using Hostdev.Planning.Pci;
using Xunit;

namespace Hostdev.Tests.Applying;

public sealed class JournalStateTests
{
    private static readonly PciAddress Gpu = PciAddress.Parse("0000:43:00.0");
    private static readonly PciAddress Pf = PciAddress.Parse("0000:41:00.0");
    private static readonly JournalRecord.RecordFunction TakeGpu = new(Gpu, "nouveau", null, "p");
    private static readonly JournalRecord.RecordPhysicalFunction MakeVfs = new(Pf, "p", 0, true);
    private static readonly JournalRecord.RecordNode TakeNode = new("/dev/vfio/12", 0, 0, 384);

    [Fact]
    public void The_first_record_of_a_thing_stays_until_it_is_forgotten()
    {
        var twice = Fold(
            TakeGpu,
            TakeGpu with
            {
                Driver = "vfio-pci",
                DriverOverride = "vfio-pci",
            },
            MakeVfs,
            MakeVfs with
            {
                NumVfs = 4,
                Autoprobe = false,
            },
            TakeNode,
            TakeNode with
            {
                Uid = 107,
            }
        );

        Assert.Equal(new OwnedFunction(Gpu, "nouveau", null, "p"), twice.Ownership.Functions[Gpu]);
        Assert.Equal(new OwnedPhysicalFunction(Pf, 0, true, "p", SetupOpen: false), twice.Ownership.PhysicalFunctions[Pf]);
        Assert.Equal(new NodeOwner(0, 0, 384), twice.Nodes["/dev/vfio/12"]);
    }

    [Fact]
    public void What_was_forgotten_can_be_recorded_anew()
    {
        var again = Fold(TakeGpu, new JournalRecord.ForgetFunction(Gpu), TakeGpu with { Driver = "nvidia" });

        Assert.Equal("nvidia", again.Ownership.Functions[Gpu].OriginalDriver);
    }

    [Fact]
    public void Everything_forgotten_is_the_empty_state()
    {
        var state = Fold(
            TakeGpu,
            MakeVfs,
            TakeNode,
            new JournalRecord.ForgetFunction(Gpu),
            new JournalRecord.ForgetPhysicalFunction(Pf),
            new JournalRecord.ForgetNode("/dev/vfio/12")
        );

        Assert.Empty(state.ToRecords());
    }

    [Fact]
    public void A_setup_opens_and_closes()
    {
        var open = Fold(MakeVfs, new JournalRecord.OpenVfSetup(Pf));
        var closed = open.With(new JournalRecord.CloseVfSetup(Pf));

        Assert.True(open.Ownership.PhysicalFunctions[Pf].SetupOpen);
        Assert.False(closed.Ownership.PhysicalFunctions[Pf].SetupOpen);
    }

    [Fact]
    public void Writes_and_what_is_not_known_change_nothing()
    {
        var state = Fold(TakeGpu);

        Assert.Same(state, state.With(new JournalRecord.Write("/sys/bus/pci/drivers_probe", "0000:43:00.0")));
        Assert.Same(state, state.With(new JournalRecord.OpenVfSetup(Pf)));
        Assert.Single(state.With(new JournalRecord.ForgetFunction(PciAddress.Parse("0000:99:00.0"))).Ownership.Functions);
    }

    [Fact]
    public void The_shortest_sequence_adds_up_to_the_same()
    {
        var state = Fold(
            TakeGpu,
            TakeGpu with
            {
                Address = PciAddress.Parse("0000:44:00.0"),
                DriverOverride = "odd",
                Driver = null,
            },
            MakeVfs,
            new JournalRecord.OpenVfSetup(Pf),
            MakeVfs with
            {
                Address = PciAddress.Parse("0000:42:00.0"),
                NumVfs = 3,
                Autoprobe = false,
            },
            TakeNode
        );
        var again = Fold([.. state.ToRecords()]);

        Assert.Equal(state.Ownership.Functions, again.Ownership.Functions);
        Assert.Equal(state.Ownership.PhysicalFunctions, again.Ownership.PhysicalFunctions);
        Assert.Equal(state.Nodes, again.Nodes);
        Assert.Equal(6, state.ToRecords().Count());
    }

    [Fact]
    public void After_a_boot_a_type_of_vGPU_tells_for_whom_a_function_was_and_after_another_nothing()
    {
        var vf = PciAddress.Parse("0000:41:10.0");
        var given = Fold(new JournalRecord.RecordVgpu(vf, "1155", "NVIDIA L40S-8Q", "p"));
        Assert.Equal(new OwnedVgpu(vf, "1155", "NVIDIA L40S-8Q", "p"), given.Ownership.Vgpus[vf]);
        Assert.Equal(given.Ownership.Vgpus, Fold([.. given.ToRecords()]).Ownership.Vgpus);

        var booted = Fold([.. given.AfterBoot().ToRecords()]);
        Assert.Equal(given.Ownership.Vgpus[vf] with { IsOfEarlierBoot = true }, booted.Ownership.Vgpus[vf]);
        Assert.Equal([vf], booted.InForceBefore!);
        Assert.Empty(booted.With(new JournalRecord.Confirm()).AfterBoot().Ownership.Vgpus);

        var again = booted.With(new JournalRecord.RecordVgpu(vf, "1145", null, "q"));
        Assert.Equal(new OwnedVgpu(vf, "1145", null, "q"), again.Ownership.Vgpus[vf]);
        Assert.Same(again, again.With(new JournalRecord.RecordVgpu(vf, "1155", null, "p"))); // the first of a boot stays
        Assert.Empty(again.With(new JournalRecord.ForgetVgpu(vf)).Ownership.Vgpus);
    }

    [Fact]
    public void A_fault_of_a_device_of_any_class_is_known_until_the_device_is_gone()
    {
        var usb = DeviceId.Parse("0000:01:00.0/1.4");
        var broken = Fold(new JournalRecord.RecordFault(usb, "it caught fire", 2));
        Assert.Equal(new KnownHealth(usb, "it caught fire", 2), Assert.Single(broken.Ownership.Health.Values));
        Assert.Equal(new JournalRecord.RecordFault(usb, "it caught fire", 2), Assert.Single(broken.ToRecords()));

        var mended = broken.With(new JournalRecord.ClearFault(usb, 3));
        Assert.Equal(new JournalRecord.ClearFault(usb, 3), Assert.Single(mended.ToRecords()));
        Assert.Empty(mended.With(new JournalRecord.ForgetFault(usb)).ToRecords());
    }

    [Fact]
    public void What_was_in_force_before_a_boot_is_told_apart_from_nothing_until_it_is_confirmed()
    {
        var nothing = JournalState.Empty.AfterBoot();
        Assert.Empty(Fold([.. nothing.ToRecords()]).InForceBefore!);

        var before = Fold(TakeGpu, MakeVfs).AfterBoot();
        Assert.Equal([Pf, Gpu], Fold([.. before.ToRecords()]).InForceBefore!);
        Assert.Null(before.With(new JournalRecord.Confirm()).InForceBefore);
        Assert.Null(JournalState.Empty.InForceBefore);
    }

    private static JournalState Fold(params JournalRecord[] records) => records.Aggregate(JournalState.Empty, (s, r) => s.With(r));
}
