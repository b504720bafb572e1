using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// Functions that were on a passthrough driver before any record of ours: by kernel argument, by another tool, or by an agent whose journal
/// is lost. Nothing says which driver the host had for them, so they are used as they are and never given to another one.
/// </summary>
internal static class Adoption
{
    public static void Say(PlanningContext context)
    {
        var wanted = context
            .Units.SelectMany(u => u.Functions().Select(m => (m.Address, Unit: u)))
            .ToDictionary(x => x.Address, x => x.Unit);
        foreach (var function in context.Inventory.Functions.Values.Where(f => IsAdopted(context, f)))
        {
            var member = wanted.GetValueOrDefault(function.Address)?.Functions().FirstOrDefault(m => m.Address == function.Address);
            if (member is not null && member.Driver != function.Driver)
            {
                // On pci-stub it was kept from every driver of the host, and that is where it goes back to.
                context.Findings.Add(
                    new Finding(
                        wanted[function.Address].Policy,
                        function.Address.ToString(),
                        FindingState.Noticed,
                        Reasons.Adopted,
                        $"{function.Address} was found on {function.Driver}: it is taken from it for this policy, "
                            + $"and goes back to {function.Driver} when its policy goes"
                    )
                );
            }
            else if (wanted.TryGetValue(function.Address, out var unit))
            {
                context.Findings.Add(
                    new Finding(
                        unit.Policy,
                        function.Address.ToString(),
                        FindingState.Adopted,
                        Reasons.Adopted,
                        $"{function.Address} was found on {function.Driver}: it is used as it is, and stays there when its policy goes"
                    )
                );
            }
            else
            {
                context.Findings.Add(
                    new Finding(
                        null,
                        function.Address.ToString(),
                        FindingState.Adopted,
                        Reasons.Adopted,
                        $"Left on {function.Driver}, as it was found: Hostdev did not bind it, and gives it to no other driver"
                    )
                );
            }
        }
    }

    private static bool IsAdopted(PlanningContext context, PciFunction function) =>
        !function.IsBridge
        && function.Driver is { } driver
        && context.Inventory.Facts.PassthroughDrivers.Contains(driver)
        && !context.Input.Ownership.Functions.ContainsKey(function.Address);
}
