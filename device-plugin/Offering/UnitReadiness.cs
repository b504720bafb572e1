using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>How units stand as an inventory shows it.</summary>
public static class UnitReadiness
{
    /// <summary>Why a unit is not ready to be given out; null when it is, or can be made so.</summary>
    public static OfferProblem? ProblemOf(Unit unit, HostInventory inventory)
    {
        var state = StateOf(unit, inventory);
        if (unit.OnAllocate is { IsLent: true } loan)
            return OfferProblem.Of(Reasons.NotReady, state.Problem) ?? OfferProblem.Of(loan.Obstacle);
        return IsAbsent(unit, state) ? OfferProblem.Of(unit.OnAllocate!.Obstacle) : OfferProblem.Of(Reasons.NotReady, state.Problem);
    }

    /// <summary>Whether it is brought about only for an answer, and nothing of it is there.</summary>
    public static bool IsAbsent(Unit unit, UnitState state) =>
        unit.OnAllocate is { IsLent: false } late && late.Brings.All(b => state.Drivers.GetValueOrDefault(b.Device) != b.Driver);

    public static UnitState StateOf(Unit unit, HostInventory inventory) =>
        unit.Handout switch
        {
            Handout.VfioGroup group => GroupState.Stand(group, a => GroupState.Of(a, inventory)),
            Handout.TypedFunction typed => TypedFunctionState.Of(typed.Function.Address, inventory).Stand(typed),
            Handout.UsbNode usb => UsbState.Of(usb.Port, inventory).Stand(usb),
            Handout.ScsiNode scsi => ScsiState.Of(scsi.Disk, inventory).Stand(scsi),
            Handout.MediatedDevice mdev => MdevState.Of(mdev.Uuid, inventory).Stand(mdev),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
}
