using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>What stands in the way of a number of virtual functions is said in an order: first what must be mended first.</summary>
public sealed class VfObstacleTests
{
    private const string Pf = "0000:41:00.0";
    private const string Port = "0000:40:00.0";

    [Fact]
    public void Whoever_mends_one_obstacle_after_another_is_told_the_next_one()
    {
        // Everything is wrong: 4 VFs are asked for, and there are 2, of which nobody knows whose they are.
        var machine = new Machine().PhysicalFunction(vfs: 2, total: 0, driver: null, numVfs: null, vfGroup: 20);
        Change(s => s with { NumVfs = null });
        machine.Bridge(Port, 19).Change(Port, f => f with { SubordinateBus = 0x40 });
        machine.Change(Pf, f => f with { Path = [PciAddress.Parse(Port)] });
        machine.Change(Pf, f => f with { IommuGroup = null, Unreadable = [new ReadProblem("/sys/class", "Input/output error")] });
        machine.Facts(f => f with { PassthroughDrivers = [] });
        var input = Given.Input(machine, Given.Sriov(4)) with
        {
            Setbacks = Given.Setback($"vfs {Pf}"),
            Usage = Given.Users(("0000:41:10.0", UserKind.Pod, "the pod a/b")),
        };
        var said = new List<Reason>();

        Next();
        machine.Change(Pf, f => f with { Unreadable = [] });
        Next();
        Change(s => s with { TotalVfs = 3 });
        Next();
        Change(s => s with { TotalVfs = 8 });
        Next();
        Change(s => s with { NumVfs = 2 });
        Next();
        machine.Change(Pf, f => f with { Driver = "igb" });
        Next();
        input = input with { Ownership = Ownership.None.OwnsVfsOf(Pf, asked: 4, made: 2) };
        Next();
        input = input with { Ownership = Ownership.None.OwnsVfsOf(Pf, asked: 2, made: 2) };
        Next();
        machine.Change(Port, f => f with { SubordinateBus = 0x41 });
        Next();
        machine.Change(Pf, f => f with { IommuGroup = 20 });
        Next();
        machine.Facts(f => f with { PassthroughDrivers = ["vfio-pci"] });
        Next();
        machine.Change("0000:41:10.0", f => f with { IommuGroup = 100 });
        machine.Change("0000:41:10.2", f => f with { IommuGroup = 101 });
        Next();
        input = input with { Setbacks = ImmutableDictionary<Purpose, Setback>.Empty };
        Next();
        Assert.Equal(
            [
                Reasons.Unreadable,
                Reasons.NoSriov,
                Reasons.TooManyVfs,
                Reasons.SriovBusy,
                Reasons.PhysicalFunctionUnbound,
                Reasons.ForeignVfs,
                Reasons.OtherVfNumber,
                Reasons.NoBusNumbers,
                Reasons.NoIommu,
                Reasons.DriverMissing,
                Reasons.VfsNotIsolated,
                Reasons.StepFailed,
                Reasons.InUse,
            ],
            said
        );

        input = input with { Usage = HostUsage.Nobody, Inventory = machine };
        Assert.Empty(input.Plan().Findings);
        Assert.Contains($"numvfs 0 on {Pf}", input.Plan().Steps());

        void Change(Func<SriovCapability, SriovCapability> change) => machine.Change(Pf, f => f with { Sriov = change(f.Sriov!) });

        void Next() => said.Add(Assert.Single((input with { Inventory = machine }).Plan().Findings, f => f.Device == Pf).Reason);
    }
}
