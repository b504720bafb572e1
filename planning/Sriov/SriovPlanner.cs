using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Sriov;

/// <summary>Physical functions and their pools of virtual functions.</summary>
internal static class SriovPlanner
{
    /// <returns>How many physical functions the policy matches.</returns>
    public static int Plan(PlanningContext context, DesiredPolicy.OfSriovPolicy policy)
    {
        var candidates = context.Inventory.Functions.Values.Where(f => !f.IsBridge);
        var matched = context.Choosing.Choose(policy.Identity, candidates, Terms(policy.Spec));
        foreach (var pf in matched)
            PlanPhysicalFunction(context, policy, pf);
        return matched.Count;
    }

    public static ImmutableArray<SelectorTerms> Terms(SriovPolicySpec spec) => [.. spec.PhysicalFunctions.Select(SelectorTerms.Of)];

    /// <summary>A policy that matches nothing by the names of interfaces: which there are. Null when no name is asked for.</summary>
    public static string? Hint(PlanningContext context, SriovPolicySpec spec)
    {
        const int most = 8;
        var wanted = spec.PhysicalFunctions.SelectMany(s => s.Interfaces).Distinct(StringComparer.Ordinal).ToList();
        if (wanted.Count == 0)
            return null;
        var there = context
            .Inventory.Functions.Values.Where(f => !f.IsVirtualFunction)
            .SelectMany(f => context.NamesOf(f).Select(n => $"{n} ({f.Address})"))
            .Distinct(StringComparer.Ordinal)
            .ToList();
        var list = string.Join(", ", there.Take(most)) + (there.Count > most ? $" and {there.Count - most} more" : "");
        return $": no interface of a physical function is called {string.Join(" or ", wanted)}; "
            + $"{(there.Count == 0 ? "there is none" : $"there are {list}")}";
    }

    private static void PlanPhysicalFunction(PlanningContext context, DesiredPolicy.OfSriovPolicy policy, PciFunction pf)
    {
        if (pf.Sriov is not { } sriov)
        {
            if (context.Unreadable(pf) is { } unreadable)
            {
                context.Block(policy.Identity, pf.Address.ToString(), unreadable.Reason, unreadable.Message);
                return;
            }

            context.Block(
                policy.Identity,
                pf.Address.ToString(),
                Reasons.NoSriov,
                $"{pf.Address} has no SR-IOV capability: select another device, or enable SR-IOV in its firmware"
            );
            return;
        }

        if (context.Claim(policy.Identity, [pf.Address]) is { } other)
        {
            context.Block(
                policy.Identity,
                pf.Address.ToString(),
                Reasons.ClaimedByOther,
                $"{pf.Address} or one of its virtual functions is already claimed by {other}, which has precedence: "
                    + "narrow the selectors of one of the two, or raise priority here"
            );
            return;
        }

        // Whatever stands in the way of the number, the virtual functions that are there keep their pools: bad input loses nothing.
        var change = NumVfs(context, policy, pf, sriov);
        context.PhysicalFunctions[pf.Address] = new VfTarget(pf.Address, change.NumVfs, policy.Identity.Uid);
        // they are about to go
        if (policy.Spec.NumVfs is { } wanted && change.NumVfs == wanted && sriov.NumVfs != wanted && sriov.NumVfs != 0)
            return;
        foreach (var (index, address) in sriov.VirtualFunctions)
        {
            if (policy.Spec.Pools.FirstOrDefault(p => p.Vfs.Any(r => r.Contains(index))) is not { } pool)
                continue;
            if (!context.Inventory.Functions.TryGetValue(address, out var vf))
                continue;
            if (pool.ResourceName is not { } resource)
            {
                PoolFindings.Native(context, policy.Identity, pool, pf, vf);
                continue;
            }

            UnitPlanner.Plan(
                context,
                new UnitRequest
                {
                    Policy = policy.Identity,
                    Resource = resource,
                    Selected = [vf],
                    Driver = pool.Driver,
                    AllowProtected = policy.Spec.AllowProtected,
                    DeviceFile = policy.Spec.DeviceFile,
                    IommuBackend = pool.IommuBackend,
                    Cordoned = change.Cordon,
                    Disruption = policy.Spec.Disruption,
                }
            );
        }

        PoolFindings.Missing(context, policy, pf, change.NumVfs);
    }

    /// <summary>A card may have no virtual functions for as long as its own firmware is set so.</summary>
    private static string FirmwareOff(PciFunction pf, int wanted)
    {
        const int mellanox = 0x15b3;
        var how =
            pf.Vendor.Value == mellanox
                ? $"mlxconfig -d {pf.Address} set SRIOV_EN=1 NUM_OF_VFS={wanted}"
                : "its vendor's tool, or its page in the host's firmware setup";
        return $"SR-IOV is off in the card's firmware: turn it on there ({how}), and reboot";
    }

    /// <summary>The number to bring about now, or null to leave it; with what is to be said about it.</summary>
    private static (int? NumVfs, bool Cordon) NumVfs(
        PlanningContext context,
        DesiredPolicy.OfSriovPolicy policy,
        PciFunction pf,
        SriovCapability sriov
    )
    {
        if (policy.Spec.NumVfs is not { } wanted || policy.Spec.Management == VfManagement.External)
            return (null, false);
        if (Problem(context, policy, pf, sriov, wanted) is { } problem)
        {
            context.Block(policy.Identity, pf.Address.ToString(), problem.Reason, problem.Message);
            return (null, false);
        }

        var purpose = Purpose.Vfs(pf.Address);
        if (
            context.Input.Setbacks.TryGetValue(purpose, out var setback)
            || (sriov.NumVfs != wanted && context.Input.Contested.TryGetValue(purpose, out setback))
        )
        {
            context.Report(policy.Identity, pf.Address.ToString(), setback);
            return (null, setback.Reason.IsUse && policy.Spec.Disruption == Disruption.Cordon);
        }

        if (sriov.NumVfs == wanted || sriov.NumVfs == 0)
            return (wanted, false);
        var users = context.Input.Usage.InWords(sriov.VirtualFunctions.Values.Select(a => (DeviceId)a));
        if (users.IsEmpty)
            return (wanted, false);
        var cordon = policy.Spec.Disruption == Disruption.Cordon;
        context.Wait(
            policy.Identity,
            pf.Address.ToString(),
            Reasons.InUse,
            $"{pf.Address} goes from {sriov.NumVfs} to {wanted} VFs, which needs all of them free, but "
                + $"{string.Join("; ", users)}: it is done as soon as they are let "
                + $"go{(cordon ? "; meanwhile none is offered" : "")}"
        );
        return (null, cordon);
    }

    private static (Reason Reason, string Message)? Problem(
        PlanningContext context,
        DesiredPolicy.OfSriovPolicy policy,
        PciFunction pf,
        SriovCapability sriov,
        int wanted
    )
    {
        if (context.Unreadable(pf) is { } unreadable)
            return unreadable;
        if (wanted > 0 && sriov.TotalVfs == 0)
        {
            return (Reasons.NoSriov, $"{pf.Address} asks for {wanted} VFs, and its sriov_totalvfs is 0: {FirmwareOff(pf, wanted)}");
        }

        if (wanted > sriov.TotalVfs)
        {
            return (
                Reasons.TooManyVfs,
                $"{pf.Address} asks for {wanted} VFs but sriov_totalvfs is {sriov.TotalVfs}: set numVfs to at most "
                    + $"{sriov.TotalVfs}, or raise it in firmware"
            );
        }

        if (sriov.NumVfs is not { } now)
            return (
                Reasons.SriovBusy,
                $"sriov_numvfs of {pf.Address} cannot be read now, because another PCI operation blocks the kernel: "
                    + "look for a process that holds a virtual function which is being removed"
            );
        if (now == wanted)
            return null;
        if (pf.Driver is null || context.Inventory.Facts.PassthroughDrivers.Contains(pf.Driver))
        {
            return (
                Reasons.PhysicalFunctionUnbound,
                $"{pf.Address} has {(pf.Driver is null ? "no driver" : $"the driver {pf.Driver}")}, which makes no "
                    + "virtual functions: bind its own driver first"
            );
        }

        if (now > 0 && !VfSteps.AreOurs(context.Input.Ownership.PhysicalFunctions.GetValueOrDefault(pf.Address), now))
        {
            return (
                Reasons.ForeignVfs,
                $"{pf.Address} has {now} VFs that Hostdev did not make, and {wanted} are asked for: they are never "
                    + $"reset; remove them by hand, set numVfs to {now}, or use management External"
            );
        }

        if (now > 0 && context.Input.Ownership.PhysicalFunctions.GetValueOrDefault(pf.Address)?.Asked == wanted)
        {
            // Its driver has answered: to remove what it made and ask again would get the same, and take from the pools what they have.
            var answer = $"{wanted} VFs were asked for and its driver made {now}";
            return (Reasons.OtherVfNumber, $"{pf.Address}: {answer}: set numVfs to {now}, or see dmesg for its limit");
        }

        return HostProblem(context, policy, pf) ?? VfIsolation.Problem(context, policy, pf, wanted);
    }

    /// <summary>
    /// Virtual functions for VMs are not made on a host that cannot pass them: taking the old ones away for that would be loss without
    /// gain.
    /// </summary>
    private static (Reason Reason, string Message)? HostProblem(PlanningContext context, DesiredPolicy.OfSriovPolicy policy, PciFunction pf)
    {
        var drivers = policy.Spec.Pools.Where(p => p.ResourceName is not null).Select(p => p.Driver).Distinct().ToList();
        if (drivers.Count == 0)
            return null;
        if (HostConditions.Problem(context.Inventory, pf) is { } problem)
            return problem;
        // Which variant driver Auto takes is known only when the virtual functions are there, and vfio-pci is what it falls back to.
        return drivers
            .Select(d => d.Type == DriverType.Named ? d.Name! : "vfio-pci")
            .Select(d => HostConditions.MissingDriver(context.Inventory, $"each VF of {pf.Address}", d, pf.Driver))
            .FirstOrDefault(m => m is not null);
    }
}
