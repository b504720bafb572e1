using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>Decides whether one IOMMU group can be one unit: all of it, or nothing.</summary>
internal static class UnitPlanner
{
    public static void Plan(PlanningContext context, UnitRequest request)
    {
        var it = GroupCase.Of(context, request);
        foreach (var function in it.Asked.Taken)
            context.Wanted.TryAdd(function.Address, it.Asked.UnitId);
        if (GroupChecks.InOrder.Select(c => c(it)).OfType<Objection>().Any(o => IsRefused(it, o)))
            return;
        var taken = it.Shape.Taken.Concat(it.Shape.Carried).Select(f => (DeviceId)f.Address);
        if (context.Claim(request.Policy, taken) is { } other)
        {
            var device = request.Primary.Address.ToString();
            context.Block(
                request.Policy,
                device,
                Reasons.ClaimedByOther,
                $"{device} is already claimed by {other}, which has precedence: narrow the selectors of one of the two, or raise "
                    + "priority here"
            );
            return;
        }

        var (unit, held) = it.Composed;
        if (CanBeTaken(context, request, unit, held, out var waits))
            Accept(context, request, unit, held);
        else if (waits && InPresentForm(context, request, unit, held) is { } present)
            Accept(context, request, present.Unit, present.Held);
        else if (waits)
            context.Awaited.UnionWith(unit.Claims);
    }

    /// <summary>Says an objection: it refuses, but for one against what is newly taken where the group is in force.</summary>
    private static bool IsRefused(GroupCase it, Objection objection)
    {
        var (policy, device) = (it.Request.Policy, it.Primary.Address.ToString());
        it.Context.AsksWhoUses |= objection.IsForNewAlone;
        if (!objection.IsForNewAlone || it.WhyItStays is not { } why)
        {
            it.Context.Block(policy, device, objection.Reason, objection.Message);
            return true;
        }

        it.Context.Notice(policy, device, objection.Reason, $"{objection.Message}. {why}");
        return false;
    }

    /// <summary>
    /// The unit as it is now, when it is only to change from one passthrough driver to another and somebody has it: it is nobody's to
    /// release, and it is offered on or cordoned as its policy says. Null when a part of it is the host's.
    /// </summary>
    private static (Unit Unit, ImmutableArray<HeldFunction> Held)? InPresentForm(
        PlanningContext context,
        UnitRequest request,
        Unit unit,
        ImmutableArray<HeldFunction> held
    )
    {
        ImmutableArray<HeldFunction> now = [.. held.Select(h => h.Now())];
        var wanted = (Handout.VfioGroup)unit.Handout;
        var present = wanted with
        {
            Assigned = [.. wanted.Assigned.Select(m => m with { Driver = context.Inventory.Functions[m.Address].Driver ?? "" })],
            Held = MembersOf(now),
        };
        var usable =
            present.Members.All(m => context.Inventory.Facts.PassthroughDrivers.Contains(m.Driver))
            && present.Assigned.All(m => m.Driver != "pci-stub");
        var isCordoned = unit.Cordoned || request.Disruption == Disruption.Cordon;
        return usable ? (unit with { Handout = present, Cordoned = isCordoned }, now) : null;
    }

    public static (Unit Unit, ImmutableArray<HeldFunction> Held) Compose(GroupCase it)
    {
        var (context, request, shape) = (it.Context, it.Request, it.Shape);
        var (assigned, held) = shape.Divide(request);
        var given = request.Selected.Concat(assigned).OrderBy(f => f.Address).ToList();
        var kept = HeldFunction.Of(context, held, new ResetReach(context.Inventory, given));
        return (
            new Unit
            {
                Id = shape.UnitId,
                Resource = request.Resource,
                Policy = request.Policy,
                Handout = new Handout.VfioGroup
                {
                    Primary = request.Primary.Address,
                    Assigned = [.. given.Select(f => new UnitMember(f.Address, WantedDriver(request.Driver, f)))],
                    Held = MembersOf(kept),
                    IommuBackend = request.IommuBackend,
                },
                HostLoses = HostLoss.InWords(context, request, shape),
                DeviceFile = request.DeviceFile,
                Cordoned = request.Cordoned,
            },
            kept
        );
    }

    private static ImmutableArray<UnitMember> MembersOf(ImmutableArray<HeldFunction> held) =>
        [.. held.Where(h => h.Driver is not null).Select(h => new UnitMember(h.Function.Address, h.Driver!))];

    /// <summary>Whether everything that is still to be taken from the host may be taken now; says why not.</summary>
    /// <param name="waits">When it may not: whether that is only because somebody uses it.</param>
    private static bool CanBeTaken(
        PlanningContext context,
        UnitRequest request,
        Unit unit,
        ImmutableArray<HeldFunction> held,
        out bool waits
    )
    {
        waits = false;
        var toTake = unit.Functions()
            .Select(m => (Member: m, Function: context.Inventory.Functions[m.Address]))
            .Where(t => t.Function.Driver != t.Member.Driver)
            .ToList();
        if (toTake.Count == 0)
            return true;
        var purpose = Purpose.Take(unit.Id);
        if (context.Input.Contested.TryGetValue(purpose, out var setback) || context.Input.Setbacks.TryGetValue(purpose, out setback))
        {
            context.Report(request.Policy, unit.Device.ToString(), setback);
            waits = setback.Reason.IsUse;
            return false;
        }

        foreach (var (_, function) in toTake)
        {
            if (function.Sriov is { VirtualFunctions.Count: > 0 } sriov)
            {
                context.Block(
                    request.Policy,
                    unit.Device.ToString(),
                    Reasons.HasVirtualFunctions,
                    $"{function.Address} has {sriov.VirtualFunctions.Count} virtual functions, which would go with "
                        + "it: remove them first, or select its virtual functions instead"
                );
                return false;
            }
        }

        var users = UsesInTheWay.Of(context, toTake.Select(t => t.Function));
        var protecting = UsesInTheWay.Protecting(request, users);
        if (protecting.Count > 0)
        {
            context.Block(
                request.Policy,
                unit.Device.ToString(),
                Reasons.Protected,
                $"{Sentence(protecting)}: the host needs it; free it, or list {UsesInTheWay.Protections(protecting)} in allowProtected "
                    + "together with the address"
            );
            return false;
        }

        var busy = users.Where(u => u.User.Protection is null).ToList();
        if (busy.Count == 0)
            return true;
        waits = true;
        var withdrawn = request.Disruption == Disruption.Cordon && InPresentForm(context, request, unit, held) is not null;
        context.Wait(
            request.Policy,
            unit.Device.ToString(),
            Reasons.InUse,
            $"{Sentence(busy)}: it is taken as soon as nobody uses it{(withdrawn ? "; meanwhile it is not offered" : "")}"
        );
        return false;
    }

    private static void Accept(PlanningContext context, UnitRequest request, Unit unit, ImmutableArray<HeldFunction> held)
    {
        ImmutableArray<UserKind> overridden =
        [
            .. Enum.GetValues<UserKind>().Where(k => new DeviceUser(k, "").Protection is { } p && request.AllowProtected.Contains(p)),
        ];
        foreach (var member in unit.Functions())
        {
            ImmutableArray<DeviceId> carried = context.Graph.Below(member.Address, Bond.Carried);
            context.Functions[member.Address] = new FunctionTarget(
                member.Address,
                member.Driver,
                request.Policy.Uid,
                unit.Id,
                overridden,
                carried
            );
        }

        context.Units.Add(unit);
        foreach (var one in held)
        {
            context.Findings.Add(
                new Finding(
                    request.Policy,
                    one.Function.Address.ToString(),
                    FindingState.Held,
                    Reasons.HeldSibling,
                    $"Held by {unit.Id} ({one.Why})"
                )
            );
        }

        UnitFindings.Say(context, request, unit);
    }

    private static string WantedDriver(DriverChoice choice, PciFunction function) =>
        choice.Type switch
        {
            DriverType.Named => choice.Name!,
            DriverType.Auto => function.VfioVariantDriver ?? "vfio-pci",
            _ => "vfio-pci",
        };

    private static string Sentence(IEnumerable<(PciFunction Function, DeviceUser User)> users) =>
        string.Join("; ", UsesInTheWay.InWords(users));
}
