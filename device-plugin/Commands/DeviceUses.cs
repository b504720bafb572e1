using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>Who has each device, in a few words for a column: a pod, the host, another device that it is held for, or nobody.</summary>
internal static class DeviceUses
{
    public const string Free = "free";

    /// <param name="plan">For what the agent follows; what it offers and holds is not said where it follows nothing.</param>
    public static ImmutableSortedDictionary<DeviceId, string> Of(HostInventory inventory, HostUsage usage, Plan plan) =>
        inventory.Passable.ToImmutableSortedDictionary(d => d, d => Of(d, usage, plan));

    private static string Of(DeviceId device, HostUsage usage, Plan plan)
    {
        var users = usage.UsersOf(device);
        var pods = users.Where(u => u.Kind == UserKind.Pod).ToList();
        if (pods.Count > 0)
            return pods[0].Description;
        if (plan.Findings.FirstOrDefault(f => f.Device == device.ToString() && f.State == FindingState.Held) is { } held)
            return held.Message;
        if (users.Length > 0)
            return $"host: {users[0].Description}{(users.Length > 1 ? $", and {users.Length - 1} more" : "")}";
        return plan.Units.FirstOrDefault(u => u.Claims.Contains(device)) is not { } unit ? Free
            : unit.CompanionOf(device) is { } name ? $"offered: {name}, companion of {unit.Resource}"
            : $"offered: {unit.Resource}";
    }
}
