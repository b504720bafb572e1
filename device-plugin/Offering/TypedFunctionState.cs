using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>One virtual function that is given types, as it really is: from an inventory, or read just now.</summary>
/// <param name="Group">Its own group, with its driver.</param>
/// <param name="TypeId">Null when it has none, or none that can be read.</param>
public sealed record TypedFunctionState(GroupState Group, string? TypeId)
{
    public static TypedFunctionState Of(PciAddress address, HostInventory inventory) =>
        new(GroupState.Of(address, inventory), inventory.Functions.GetValueOrDefault(address)?.Vgpu?.TypeId);

    /// <summary>How a unit of it stands. Without a type it is as good as not there.</summary>
    public UnitState Stand(Handout.TypedFunction handout)
    {
        var state = Group.Stand(handout.Group);
        if (TypeId is null)
        {
            return new UnitState($"{handout.Device} has no vGPU type", state.Nodes, ImmutableSortedDictionary<DeviceId, string?>.Empty);
        }

        return state with
        {
            Problem =
                state.Problem
                ?? (TypeId == handout.TypeId ? null : $"{handout.Device} has the vGPU type {TypeId} instead of {handout.TypeId}"),
            Drivers = state.Drivers.ToImmutableSortedDictionary(
                d => d.Key,
                d => d.Key == handout.Device && d.Value is { } driver ? new TypedDriver(driver, TypeId).ToString() : d.Value
            ),
        };
    }
}
