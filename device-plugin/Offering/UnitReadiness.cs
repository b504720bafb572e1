using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>How units stand as an inventory shows it.</summary>
public static class UnitReadiness
{
    public static UnitState StateOf(Unit unit, HostInventory inventory) =>
        unit.Handout switch
        {
            Handout.VfioGroup group => GroupState.Of(group.Primary, inventory).Stand(group),
            Handout.MediatedDevice mdev => MdevState.Of(mdev.Uuid, inventory).Stand(mdev),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
}
