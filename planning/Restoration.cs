using Hostdev.Crds;
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
    public static Restricted Restrict(Situation situation, Targets targets)
    {
        if (situation.Input.RestoreOnly is not { } before)
            return new Restricted(targets, []);
        var vfs = targets.PhysicalFunctions.Values.Where(t => !before.Contains(t.Address)).OrderBy(t => t.Address).ToList();
        var units = targets.Units.ToLookup(u => u.Claims.All(before.Contains));
        var policies = situation.Input.Policies.Select(p => p.Identity).ToLookup(p => p.Uid, StringComparer.Ordinal);
        return new Restricted(
            targets with
            {
                PhysicalFunctions = targets.PhysicalFunctions.RemoveRange(vfs.Select(t => (DeviceId)t.Address)),
                Units = [.. units[true]],
                Functions = targets.Functions.RemoveRange(units[false].SelectMany(u => u.Functions()).Select(m => (DeviceId)m.Address)),
                Vgpus = targets.Vgpus.RemoveRange(units[false].SelectMany(u => u.Claims)),
                Mdevs = targets.Mdevs.RemoveRange(units[false].SelectMany(u => u.Claims)),
            },
            [
                .. vfs.SelectMany(t =>
                    policies[t.PolicyUid].Take(1).Select(p => Wait(p, t.Address, $"the virtual functions of {t.Address} are not made"))
                ),
                .. units[false].Select(u => Wait(u.Policy, u.Device, $"{u.Device} is not taken from the host")),
            ]
        );
    }

    private static Finding Wait(PolicyIdentity policy, DeviceId device, string what) =>
        new(
            policy,
            device.ToString(),
            FindingState.Waiting,
            Reasons.Unconfirmed,
            $"{what} yet: this host has booted, and whether it is still wanted could not be asked; what was in force "
                + "before is restored meanwhile. Look at the agent's connection to the API server"
        );
}
