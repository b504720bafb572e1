using Hostdev.Crds;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Planning;
using Xunit;

namespace Hostdev.Tests.Applying;

public sealed class JournalStateTests
{
    private static readonly PciAddress Gpu = PciAddress.Parse("0000:43:00.0");
    private static readonly PciAddress Pf = PciAddress.Parse("0000:41:00.0");
    private static readonly JournalRecord TakeGpu = new() { Op = JournalOp.RecordFunction, Address = "0000:43:00.0", Driver = "nouveau", Policy = "p" };
    private static readonly JournalRecord MakeVfs = new() { Op = JournalOp.RecordPhysicalFunction, Address = "0000:41:00.0", NumVfs = 0, Autoprobe = true, Policy = "p" };
    private static readonly JournalRecord TakeNode = new() { Op = JournalOp.RecordNode, Path = "/dev/vfio/12", Uid = 0, Gid = 0, Mode = 384 };

    [Fact]
    public void The_first_record_of_a_thing_stays_until_it_is_forgotten()
    {
        var twice = Fold(TakeGpu, TakeGpu with { Driver = "vfio-pci", DriverOverride = "vfio-pci" }, MakeVfs, MakeVfs with { NumVfs = 4, Autoprobe = false }, TakeNode, TakeNode with { Uid = 107 });

        Assert.Equal(new OwnedFunction(Gpu, "nouveau", null, "p"), twice.Ownership.Functions[Gpu]);
        Assert.Equal(new OwnedPhysicalFunction(Pf, 0, true, "p", SetupOpen: false), twice.Ownership.PhysicalFunctions[Pf]);
        Assert.Equal(new NodeOwner(0, 0, 384), twice.Nodes["/dev/vfio/12"]);
    }

    [Fact]
    public void What_was_forgotten_can_be_recorded_anew()
    {
        var again = Fold(TakeGpu, new JournalRecord { Op = JournalOp.ForgetFunction, Address = "0000:43:00.0" }, TakeGpu with { Driver = "nvidia" });

        Assert.Equal("nvidia", again.Ownership.Functions[Gpu].OriginalDriver);
    }

    [Fact]
    public void Everything_forgotten_is_the_empty_state()
    {
        var state = Fold(
            TakeGpu, MakeVfs, TakeNode,
            new JournalRecord { Op = JournalOp.ForgetFunction, Address = "0000:43:00.0" },
            new JournalRecord { Op = JournalOp.ForgetPhysicalFunction, Address = "0000:41:00.0" },
            new JournalRecord { Op = JournalOp.ForgetNode, Path = "/dev/vfio/12" });

        Assert.Empty(state.ToRecords());
    }

    [Fact]
    public void A_setup_opens_and_closes()
    {
        var open = Fold(MakeVfs, new JournalRecord { Op = JournalOp.OpenVfSetup, Address = "0000:41:00.0" });
        var closed = open.With(new JournalRecord { Op = JournalOp.CloseVfSetup, Address = "0000:41:00.0" });

        Assert.True(open.Ownership.PhysicalFunctions[Pf].SetupOpen);
        Assert.False(closed.Ownership.PhysicalFunctions[Pf].SetupOpen);
    }

    [Fact]
    public void Writes_and_what_is_not_known_change_nothing()
    {
        var state = Fold(TakeGpu);

        Assert.Same(state, state.With(new JournalRecord { Op = JournalOp.Write, Path = "/sys/bus/pci/drivers_probe", Value = "0000:43:00.0" }));
        Assert.Same(state, state.With(new JournalRecord { Op = JournalOp.OpenVfSetup, Address = "0000:41:00.0" }));
        Assert.Single(state.With(new JournalRecord { Op = JournalOp.ForgetFunction, Address = "0000:99:00.0" }).Ownership.Functions);
    }

    [Fact]
    public void The_shortest_sequence_adds_up_to_the_same()
    {
        var state = Fold(TakeGpu, TakeGpu with { Address = "0000:44:00.0", DriverOverride = "odd", Driver = null }, MakeVfs, new JournalRecord { Op = JournalOp.OpenVfSetup, Address = "0000:41:00.0" }, MakeVfs with { Address = "0000:42:00.0", NumVfs = 3, Autoprobe = false }, TakeNode);
        var again = Fold([.. state.ToRecords()]);

        Assert.Equal(state.Ownership.Functions, again.Ownership.Functions);
        Assert.Equal(state.Ownership.PhysicalFunctions, again.Ownership.PhysicalFunctions);
        Assert.Equal(state.Nodes, again.Nodes);
        Assert.Equal(6, state.ToRecords().Count());
    }

    [Theory]
    [InlineData(JournalOp.RecordFunction)]
    [InlineData(JournalOp.ForgetFunction)]
    [InlineData(JournalOp.RecordPhysicalFunction)]
    [InlineData(JournalOp.OpenVfSetup)]
    [InlineData(JournalOp.RecordNode)]
    [InlineData(JournalOp.ForgetNode)]
    public void A_record_that_lacks_what_it_needs_is_refused(JournalOp op) => Assert.Throws<FormatException>(() => Fold(new JournalRecord { Op = op }));

    [Fact]
    public void A_missing_field_is_named() =>
        Assert.Equal("autoprobe is missing in a RecordPhysicalFunction record", Assert.Throws<FormatException>(() => Fold(MakeVfs with { Autoprobe = null })).Message);

    private static JournalState Fold(params JournalRecord[] records) => records.Aggregate(JournalState.Empty, (s, r) => s.With(r));
}
