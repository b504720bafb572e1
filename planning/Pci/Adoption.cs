using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// Functions that were on a passthrough driver before any record of ours: by kernel argument, by another tool, or by an agent whose journal
/// is lost. Nothing says which driver the host had for them, so they are used as they are and never given to another one.
/// </summary>
internal static class Adoption
{
    public static IEnumerable<Finding> Findings(Situation situation, ImmutableArray<Unit> units)
    {
        var wanted = units.SelectMany(u => u.Functions().Select(m => (Member: m, Unit: u))).ToDictionary(x => x.Member.Address, x => x);
        return situation
            .Inventory.Functions.Values.Where(f => IsAdopted(situation, f))
            .Select(f => wanted.TryGetValue(f.Address, out var it) ? Of(f, it.Member, it.Unit) : Of(f));
    }

    private static Finding Of(PciFunction function, UnitMember member, Unit unit)
    {
        // On pci-stub it was kept from every driver of the host, and that is where it goes back to.
        var (state, fate) =
            member.Driver == function.Driver
                ? (FindingState.Adopted, "it is used as it is, and stays there when its policy goes")
                : (FindingState.Noticed, $"it is taken from it for this policy, and goes back to {function.Driver} when its policy goes");
        return new Finding(
            unit.Policy,
            function.Address.ToString(),
            state,
            Reasons.Adopted,
            $"{function.Address} was found on {function.Driver}: {fate}"
        );
    }

    private static Finding Of(PciFunction function) =>
        new(
            null,
            function.Address.ToString(),
            FindingState.Adopted,
            Reasons.Adopted,
            $"Left on {function.Driver}, as it was found: Hostdev did not bind it, and gives it to no other driver"
        );

    private static bool IsAdopted(Situation situation, PciFunction function) =>
        !function.IsBridge
        && function.Driver is { } driver
        && situation.Inventory.Facts.PassthroughDrivers.Contains(driver)
        && !situation.Input.Ownership.Functions.ContainsKey(function.Address);
}
