using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Inventory;

namespace Hostdev.DevicePlugin.Planning.Pci;

/// <summary>Decides whether one IOMMU group can be one unit: all of it, or nothing.</summary>
internal static class UnitPlanner
{
    public static void Plan(PlanningContext context, UnitRequest request)
    {
        var it = GroupCase.Of(context, request);
        foreach (var function in it.Asked.Taken)
            context.Wanted.TryAdd(function.Address, it.Asked.UnitId);
        var ruling = GroupChecks.All.Judge(it);
        context.Say(ruling);
        if (ruling.Refuses)
            return;
        var claims = it.Shape.Taken.Concat(it.Shape.Carried).Select(f => (DeviceId)f.Address);
        if (context.Claim(request.Policy, claims) is { } other)
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

        var taking = TakingChecks.All.Judge(it);
        context.Say(taking);
        if (!taking.Refuses)
            Accept(context, request, it.Composed);
        else if (taking.Waits && UnitForm.AsItIs(it) is { } present)
            Accept(context, request, present);
        else if (taking.Waits)
            context.Awaited.UnionWith(it.Composed.Unit.Claims);
    }

    private static void Accept(PlanningContext context, UnitRequest request, UnitForm form)
    {
        ImmutableArray<UserKind> overridden =
        [
            .. Enum.GetValues<UserKind>().Where(k => new DeviceUser(k, "").Protection is { } p && request.AllowProtected.Contains(p)),
        ];
        foreach (var member in form.Unit.Functions())
        {
            ImmutableArray<DeviceId> carried = context.Graph.Below(member.Address, Bond.Carried);
            context.Functions[member.Address] = new FunctionTarget(
                member.Address,
                member.Driver,
                request.Policy.Uid,
                form.Unit.Id,
                overridden,
                carried
            );
        }

        context.Units.Add(form.Unit);
        foreach (var one in form.Held)
        {
            context.Findings.Add(
                new Finding(
                    request.Policy,
                    one.Function.Address.ToString(),
                    FindingState.Held,
                    Reasons.HeldSibling,
                    $"Held by {form.Unit.Id} ({one.Why})"
                )
            );
        }

        UnitFindings.Say(context, request, form.Unit);
    }
}
