using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Planning;

/// <summary>What a policy asks of one group.</summary>
internal sealed record UnitRequest
{
    public required PolicyIdentity Policy { get; init; }

    public required ResourceName Resource { get; init; }

    /// <summary>The functions of the group that the policy names, ordered; the first is the primary.</summary>
    public required ImmutableArray<PciFunction> Selected { get; init; }

    public required DriverChoice Driver { get; init; }

    public GroupPolicy GroupPolicy { get; init; }

    public ImmutableArray<GroupMember> Members { get; init; } = [];

    public ImmutableArray<Protection> AllowProtected { get; init; } = [];

    public required DeviceFile? DeviceFile { get; init; }

    public required IommuBackend IommuBackend { get; init; }

    public bool Cordoned { get; init; }

    /// <summary>What its policy says of a change that must wait for a user: stop offering meanwhile, or withdraw nothing.</summary>
    public required Disruption Disruption { get; init; }
}

/// <summary>Decides whether one IOMMU group can be one unit: all of it, or nothing.</summary>
internal static class UnitPlanner
{
    /// <summary>So many members of a group a message names. A board without ACS may have hundreds in one group, and what to do about them stands behind the list.</summary>
    private const int MostListed = 8;

    public static void Plan(PlanningContext context, UnitRequest request)
    {
        var primary = request.Selected[0];
        var whole = context.Inventory.GroupOf(primary) is { } all ? all.Members.Select(a => context.Inventory.Functions[a]) : [primary];
        Want(context, whole.Where(f => !f.IsBridge).ToList());
        if (whole.Select(context.Unreadable).FirstOrDefault(u => u is not null) is { } unreadable)
        {
            context.Block(request.Policy, primary.Address.ToString(), unreadable.Reason, unreadable.Message);
            return;
        }

        if (HostConditions.Problem(context.Inventory, primary) is { } problem)
        {
            context.Block(request.Policy, primary.Address.ToString(), problem.Reason, problem.Message);
            return;
        }

        var group = context.Inventory.GroupOf(primary)!;
        var members = group.Members.Select(a => context.Inventory.Functions[a]).ToList();
        var others = members.Where(m => !m.IsBridge && !request.Selected.Contains(m)).ToList();
        if (Divide(request, others, out var assigned, out var held) is { } undeclared)
        {
            context.Block(request.Policy, primary.Address.ToString(), undeclared.Reason, undeclared.Message);
            return;
        }

        if (BridgeProblem(context, group, members) is { } bridge)
        {
            context.Block(request.Policy, primary.Address.ToString(), bridge.Reason, bridge.Message);
            return;
        }

        var unit = Compose(context, request, members, assigned, held);
        if (unit.Members.Select(m => MissingDriver(context, m)).FirstOrDefault(m => m is not null) is { } missing)
        {
            context.Block(request.Policy, primary.Address.ToString(), missing.Reason, missing.Message);
            return;
        }

        if (context.Claim(request.Policy, request.Selected.Concat(others)) is { } other)
        {
            context.Block(request.Policy, primary.Address.ToString(), Reasons.ClaimedByOther, $"{primary.Address} is already claimed by {other}, which has precedence: narrow the selectors of one of the two, or raise priority here");
            return;
        }

        if (CanBeTaken(context, request, unit, out var waits)) Accept(context, request, unit);
        else if (waits && InPresentForm(context, request, unit) is { } present) Accept(context, request, present);
        else if (waits) context.Awaited.UnionWith(unit.Members.Select(m => m.Address));
    }

    private static (string Reason, string Message)? MissingDriver(PlanningContext context, UnitMember member) =>
        HostConditions.MissingDriver(context.Inventory, member.Address.ToString(), member.Driver, context.Inventory.Functions[member.Address].Driver);

    private static void Want(PlanningContext context, List<PciFunction> functions)
    {
        foreach (var function in functions) context.Wanted.TryAdd(function.Address, functions[0].Address.ToString());
    }

    /// <summary>
    /// The unit as it is now, when it is only to change from one passthrough driver to another and somebody has it: it is nobody's to release, and it is
    /// offered on or cordoned as its policy says. Null when a part of it is the host's.
    /// </summary>
    private static Unit? InPresentForm(PlanningContext context, UnitRequest request, Unit unit)
    {
        UnitMember Now(UnitMember member) => member with { Driver = context.Inventory.Functions[member.Address].Driver ?? "" };
        var present = unit with
        {
            Assigned = [.. unit.Assigned.Select(Now)],
            Held = [.. unit.Held.Select(Now)],
            Cordoned = unit.Cordoned || request.Disruption == Disruption.Cordon,
        };
        var usable = present.Members.All(m => context.Inventory.Facts.PassthroughDrivers.Contains(m.Driver)) && present.Assigned.All(m => m.Driver != "pci-stub");
        return usable ? present : null;
    }

    /// <summary>Divides the other members into assigned and held ones, or says which are undeclared.</summary>
    private static (string Reason, string Message)? Divide(UnitRequest request, List<PciFunction> others, out List<PciFunction> assigned, out List<PciFunction> held)
    {
        var primary = request.Selected[0];
        assigned = request.GroupPolicy == GroupPolicy.AssignSiblings ? others : [];
        held = request.GroupPolicy == GroupPolicy.HoldSiblings ? others : [];
        if (request.GroupPolicy != GroupPolicy.Explicit) return null;

        var declared = others.ToLookup(o => request.Members.FirstOrDefault(m => DeviceSelector.Names(m, o, primary)) is { } entry ? entry.Assigned ?? true : (bool?)null);
        assigned = [.. declared[true]];
        held = [.. declared[false]];
        var undeclared = declared[null].ToList();
        if (undeclared.Count == 0) return null;

        var list = string.Join(", ", undeclared.Take(MostListed).Select(Describe)) + (undeclared.Count > MostListed ? $" and {undeclared.Count - MostListed} more" : "");
        var first = undeclared[0].Address;
        if (primary.IsVirtualFunction)
        {
            return (Reasons.UndeclaredSiblings, $"{primary.Address} shares its IOMMU group with {list}: virtual functions can be passed one by one only where the slot isolates them (ACS); enable ACS in firmware or use another slot");
        }

        return (Reasons.UndeclaredSiblings, $"{primary.Address} shares its IOMMU group with {list}, which the policy does not declare: add members: [{{address: \"{first}\", assigned: false}}] to take {(undeclared.Count == 1 ? "it" : "each of them")} from the host knowingly (assigned: true gives it to the VM), or set groupPolicy to HoldSiblings or AssignSiblings");
    }

    private static (string Reason, string Message)? BridgeProblem(PlanningContext context, IommuGroup group, List<PciFunction> members)
    {
        // vfio_dev_viable() lets a group pass with these drivers on its other members, and with none (kernel drivers/vfio/group.c).
        var bad = members.FirstOrDefault(m => m.IsBridge && m.Driver is not (null or "pcieport" or "pci-stub") && !context.Inventory.Facts.PassthroughDrivers.Contains(m.Driver));
        return bad is null ? null : (Reasons.GroupNotViable, $"the bridge {bad.Address} in group {group.Number} is on the driver {bad.Driver}, with which VFIO refuses the group: unbind it, or load pcieport for it");
    }

    private static Unit Compose(PlanningContext context, UnitRequest request, List<PciFunction> members, List<PciFunction> assigned, List<PciFunction> held)
    {
        var given = request.Selected.Concat(assigned).OrderBy(f => f.Address).ToList();
        var resettable = given.All(f => f.ResetMethods.Any(m => m is "flr" or "af_flr"));
        var stub = resettable && context.Inventory.Facts.PassthroughDrivers.Contains("pci-stub") ? "pci-stub" : "vfio-pci";
        return new Unit
        {
            Id = members.First(m => !m.IsBridge).Address.ToString(),
            Resource = request.Resource,
            Policy = request.Policy,
            Primary = request.Selected[0].Address,
            Assigned = [.. given.Select(f => new UnitMember(f.Address, WantedDriver(request.Driver, f)))],
            Held = [.. held.OrderBy(f => f.Address).Select(f => new UnitMember(f.Address, stub))],
            DeviceFile = request.DeviceFile,
            IommuBackend = request.IommuBackend,
            Cordoned = request.Cordoned,
        };
    }

    /// <summary>Whether everything that is still to be taken from the host may be taken now; says why not.</summary>
    /// <param name="waits">When it may not: whether that is only because somebody uses it.</param>
    private static bool CanBeTaken(PlanningContext context, UnitRequest request, Unit unit, out bool waits)
    {
        waits = false;
        var toTake = unit.Members.Select(m => (Member: m, Function: context.Inventory.Functions[m.Address])).Where(t => t.Function.Driver != t.Member.Driver).ToList();
        if (toTake.Count == 0) return true;
        var purpose = LaneStep.Take(unit.Id);
        if (context.Input.Contested.TryGetValue(purpose, out var setback) || context.Input.Setbacks.TryGetValue(purpose, out setback))
        {
            context.Report(request.Policy, unit.Primary.ToString(), setback);
            waits = setback.Reason == Reasons.InUse;
            return false;
        }

        foreach (var (_, function) in toTake)
        {
            if (function.Sriov is { VirtualFunctions.Count: > 0 } sriov)
            {
                context.Block(request.Policy, unit.Primary.ToString(), Reasons.HasVirtualFunctions, $"{function.Address} has {sriov.VirtualFunctions.Count} virtual functions, which would go with it: remove them first, or select its virtual functions instead");
                return false;
            }
        }

        var users = toTake.SelectMany(t => context.Input.Usage.UsersOf(t.Function.Address).Select(u => (t.Function, User: u))).ToList();
        var protecting = users.Where(u => u.User.Protection is { } p && !request.AllowProtected.Contains(p)).ToList();
        if (protecting.Count > 0)
        {
            var needed = string.Join(", ", protecting.Select(p => p.User.Protection!.Value).Distinct().Order());
            context.Block(request.Policy, unit.Primary.ToString(), Reasons.Protected, $"{Sentence(protecting)}: the host needs it; free it, or list {needed} in allowProtected together with the address");
            return false;
        }

        var busy = users.Where(u => u.User.Protection is null).ToList();
        if (busy.Count == 0) return true;
        waits = true;
        var withdrawn = request.Disruption == Disruption.Cordon && InPresentForm(context, request, unit) is not null;
        context.Wait(request.Policy, unit.Primary.ToString(), Reasons.InUse, $"{Sentence(busy)}: it is taken as soon as nobody uses it{(withdrawn ? "; meanwhile it is not offered" : "")}");
        return false;
    }

    private static void Accept(PlanningContext context, UnitRequest request, Unit unit)
    {
        ImmutableArray<UserKind> overridden =
        [
            .. Enum.GetValues<UserKind>().Where(k => new DeviceUser(k, "").Protection is { } p && request.AllowProtected.Contains(p)),
        ];
        foreach (var member in unit.Members)
        {
            context.Functions[member.Address] = new FunctionTarget(member.Address, member.Driver, request.Policy.Uid, unit.Id, overridden);
        }

        context.Units.Add(unit);
        foreach (var member in unit.Held)
        {
            var why = member.Driver == "pci-stub" ? "on pci-stub, because the assigned functions reset on their own" : "on vfio-pci, because resetting the assigned functions resets it too";
            context.Findings.Add(new Finding(request.Policy, member.Address.ToString(), FindingState.Held, Reasons.HeldSibling, $"Held by {unit.Id} ({why})"));
        }
    }

    private static string WantedDriver(DriverChoice choice, PciFunction function) => choice.Type switch
    {
        DriverType.Named => choice.Name!,
        DriverType.Auto => function.VfioVariantDriver ?? "vfio-pci",
        _ => "vfio-pci",
    };

    private static string Describe(PciFunction f) => $"{f.Address} ({f.DeviceName ?? $"{f.Vendor}:{f.Device}"}, {(f.Driver is null ? "no driver" : $"driver {f.Driver}")})";

    private static string Sentence(IEnumerable<(PciFunction Function, DeviceUser User)> users) =>
        string.Join("; ", users.GroupBy(u => u.Function.Address).Select(g => $"{g.Key} is in use: {string.Join(", ", g.Select(u => u.User.Description))}"));
}
