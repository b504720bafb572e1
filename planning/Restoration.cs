using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning;

/// <summary>
/// After a boot, as long as nobody has said what is wanted now: what was in force is restored, so that VMs start; nothing else is begun,
/// because what stands on this machine's disk may be what an admin took back while it was away.
/// </summary>
internal static class Restoration
{
    public static void LeaveOutNew(PlanningContext context)
    {
        if (context.Input.RestoreOnly is not { } before)
            return;
        foreach (var target in context.PhysicalFunctions.Values.Where(t => !before.Contains(t.Address)).ToList())
        {
            context.PhysicalFunctions.Remove(target.Address);
            if (Policy(context, target.PolicyUid) is { } policy)
                Wait(context, policy, target.Address.ToString(), $"the virtual functions of {target.Address} are not made");
        }

        foreach (var unit in context.Units.Where(u => u.Claims.Any(c => !before.Contains(c))).ToList())
        {
            context.Units.Remove(unit);
            foreach (var member in unit.Functions())
                context.Functions.Remove(member.Address);
            Wait(context, unit.Policy, unit.Device.ToString(), $"{unit.Device} is not taken from the host");
        }
    }

    private static PolicyIdentity? Policy(PlanningContext context, string uid) =>
        context.Input.Policies.Select(p => p.Identity).FirstOrDefault(p => p.Uid == uid);

    private static void Wait(PlanningContext context, PolicyIdentity policy, string device, string what) =>
        context.Wait(
            policy,
            device,
            Reasons.Unconfirmed,
            $"{what} yet: this host has booted, and whether it is still wanted could not be asked; what was in force "
                + "before is restored meanwhile. Look at the agent's connection to the API server"
        );
}
