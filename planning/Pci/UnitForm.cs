using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>The unit that a group can be, and what of it is kept from the VM.</summary>
internal sealed record UnitForm(Unit Unit, ImmutableArray<HeldFunction> Held)
{
    public static UnitForm AsAsked(GroupCase it)
    {
        var (situation, request, shape) = (it.Situation, it.Request, it.Shape);
        var (assigned, held) = shape.Divide(request);
        var given = request.Selected.Concat(assigned).OrderBy(f => f.Address).ToList();
        var kept = HeldFunction.Of(situation, held, new ResetReach(situation.Inventory, given));
        return new UnitForm(
            new Unit
            {
                Id = shape.UnitId,
                Resource = request.Resource,
                Policy = request.Policy,
                Handout = new Handout.VfioGroup
                {
                    Primary = request.Primary.Address,
                    Assigned = [.. given.Select(f => new UnitMember(f.Address, WantedDriver(request.DriverOf(f), f)))],
                    Held = MembersOf(kept),
                    IommuBackend = request.IommuBackend,
                },
                HostLoses = HostLoss.InWords(situation, request, shape),
                DeviceFile = request.DeviceFile,
                Reset = request.Reset,
                Cordoned = request.Cordoned,
                Companions = CompanionsOf(request, assigned),
            },
            kept
        );
    }

    /// <summary>
    /// The unit as it is now, when it is only to change from one passthrough driver to another and somebody has it: it is nobody's to
    /// release, and it is offered on or cordoned as its policy says. Null when a part of it is the host's.
    /// </summary>
    public static UnitForm? AsItIs(GroupCase it)
    {
        var (asked, facts) = (it.Composed, it.Inventory.Facts);
        ImmutableArray<HeldFunction> now = [.. asked.Held.Select(h => h.Now())];
        var wanted = (Handout.VfioGroup)asked.Unit.Handout;
        var present = wanted with
        {
            Assigned = [.. wanted.Assigned.Select(m => m with { Driver = it.Inventory.Functions[m.Address].Driver ?? "" })],
            Held = MembersOf(now),
        };
        var usable =
            present.Members.All(m => facts.PassthroughDrivers.Contains(m.Driver)) && present.Assigned.All(m => m.Driver != "pci-stub");
        var isCordoned = asked.Unit.Cordoned || it.Request.Disruption == Disruption.Cordon;
        return usable ? new UnitForm(asked.Unit with { Handout = present, Cordoned = isCordoned }, now) : null;
    }

    /// <summary>By entry, and by address where one entry names several; a function belongs to the first entry that names it.</summary>
    private static ImmutableArray<Companion> CompanionsOf(UnitRequest request, ImmutableArray<PciFunction> assigned)
    {
        var entries = request.Members.ToList();
        return
        [
            .. from function in assigned
            let entry = request.EntryOf(function)
            where entry is { Companion: not null }
            orderby entries.IndexOf(entry!), function.Address
            select new Companion(entry!.Companion!.Value, function.Address),
        ];
    }

    private static ImmutableArray<UnitMember> MembersOf(ImmutableArray<HeldFunction> held) =>
        [.. held.Where(h => h.Driver is not null).Select(h => new UnitMember(h.Function.Address, h.Driver!))];

    private static string WantedDriver(DriverChoice choice, PciFunction function) =>
        choice.Type switch
        {
            DriverType.Named => choice.Name!,
            DriverType.Auto => function.VfioVariantDriver ?? "vfio-pci",
            _ => "vfio-pci",
        };
}
