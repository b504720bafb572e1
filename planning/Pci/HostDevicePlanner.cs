using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning.Pci;

/// <summary>Whole PCI devices: each group that a HostDevice's selectors reach is one unit.</summary>
internal static class HostDevicePlanner
{
    /// <returns>How many groups the selectors match.</returns>
    public static int Plan(PlanningContext context, DesiredPolicy.OfHostDevice policy)
    {
        if (policy.Spec.Devices.Pci is not { } pci)
        {
            var kind = policy.Spec.Devices.Usb is null ? "SCSI" : "USB";
            context.Block(
                policy.Identity,
                policy.Identity.ToString(),
                Reasons.NotSupported,
                $"{policy.Identity}: {kind} devices cannot be passed by this version: remove the policy"
            );
            return 0;
        }

        if (policy.Spec.Binding == Binding.OnAllocate)
        {
            context.Block(
                policy.Identity,
                policy.Identity.ToString(),
                Reasons.NotSupported,
                $"{policy.Identity}: binding OnAllocate is not supported by this version: use binding Static"
            );
            return 0;
        }

        var candidates = context
            .Inventory.Functions.Values.Where(f => !f.IsBridge && (pci.VirtualFunctions || !f.IsVirtualFunction))
            .Where(f => !SystemFunctions.IsBystander(f) || IsNamed(pci, f));
        var matched = context.Choosing.Choose(policy.Identity, candidates, [.. pci.Selectors.Select(SelectorTerms.Of)]);
        // Functions without a group are each a unit of their own, so that each gets its own explanation.
        var units = matched.GroupBy(f => f.IommuGroup is { } g ? $"group {g}" : f.Address.ToString()).ToList();
        foreach (var unit in units)
        {
            var selected = WithoutMembers(pci, WithoutBystanders(context, policy, [.. unit.OrderBy(f => f.Address)]));
            if (MakerOf(context, selected[0]) is { } maker)
            {
                context.Block(
                    policy.Identity,
                    selected[0].Address.ToString(),
                    Reasons.ClaimedByOther,
                    $"{selected[0].Address} is a virtual function that {maker} has made, and would go if it were "
                        + "taken from it: give it a pool with a resourceName there, or narrow the selectors here"
                );
                continue;
            }

            UnitPlanner.Plan(
                context,
                new UnitRequest
                {
                    Policy = policy.Identity,
                    Resource = policy.Spec.ResourceName,
                    Selected = [.. selected],
                    Driver = pci.Driver,
                    GroupPolicy = pci.GroupPolicy,
                    Members = pci.Members,
                    AllowProtected = policy.Spec.AllowProtected,
                    DeviceFile = policy.Spec.DeviceFile,
                    IommuBackend = pci.IommuBackend,
                    Disruption = policy.Spec.Disruption,
                }
            );
        }

        return units.Count;
    }

    /// <summary>
    /// The policy for which Hostdev made this virtual function, whatever its precedence: were it to lose its physical function to this
    /// claim, the function would be removed, the claim with it, and the function made again without end.
    /// </summary>
    private static PolicyIdentity? MakerOf(PlanningContext context, PciFunction function) =>
        function.PhysicalFunction is { } address
        && context.Input.Ownership.PhysicalFunctions.ContainsKey(address)
        && context.Inventory.Functions.TryGetValue(address, out var physical)
            ? context
                .Input.Policies.Select(p => p.InForce)
                .OfType<DesiredPolicy.OfSriovPolicy>()
                .FirstOrDefault(p => context.Choosing.Means(p.Identity.Uid, SriovPlanner.Terms(p.Spec), physical))
                ?.Identity
            : null;

    /// <summary>A bystander is meant by its address alone: a class or vendor means devices.</summary>
    private static bool IsNamed(PciDevices pci, PciFunction function) => pci.Selectors.Any(s => s.Addresses.Contains(function.Address));

    /// <summary>Bystanders stay out of a unit that is one without them, unless the policy overrides what the machine needs.</summary>
    private static List<PciFunction> WithoutBystanders(PlanningContext context, DesiredPolicy.OfHostDevice policy, List<PciFunction> named)
    {
        var devices = named.Where(f => !SystemFunctions.IsBystander(f)).ToList();
        if (devices.Count == 0 || devices.Count == named.Count || policy.Spec.AllowProtected.Contains(Protection.System))
            return named;
        foreach (var function in named.Except(devices))
        {
            context.Notice(
                policy.Identity,
                function.Address.ToString(),
                Reasons.Protected,
                $"{function.Address} is left as it is, because it is {SystemFunctions.WhatItIs(function, null)}: leave it out of "
                    + "addresses, or list System in allowProtected"
            );
        }

        return devices;
    }

    /// <summary>
    /// A function that the selectors match and that <c>members</c> names as well is a member: two like functions, one assigned and one
    /// held, can be declared with one vendor and device. A function can only be a member of a lower one, so that two members never name
    /// each other away.
    /// </summary>
    private static List<PciFunction> WithoutMembers(PciDevices pci, List<PciFunction> matched) =>
        [matched[0], .. matched.Skip(1).Where(f => !pci.Members.Any(m => DeviceSelector.Names(m, f, matched[0])))];
}
