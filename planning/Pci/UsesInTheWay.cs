using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>Who uses what is to be taken, and what goes with it.</summary>
internal static class UsesInTheWay
{
    public static List<(PciFunction Function, DeviceUser User)> Of(Situation situation, IEnumerable<PciFunction> functions) =>
        [
            .. functions
                .SelectMany(f => situation.CarriedBy(f.Address).Prepend(f))
                .SelectMany(f => situation.Input.Usage.UsersOf(f.Address).Select(u => (f, u)))
                .Distinct(),
        ];

    /// <summary>Those that protect, and that the policy does not override.</summary>
    public static List<(PciFunction Function, DeviceUser User)> Protecting(
        UnitRequest request,
        IEnumerable<(PciFunction Function, DeviceUser User)> uses
    ) => [.. uses.Where(u => u.User.Protection is { } p && !request.AllowProtected.Contains(p))];

    public static IEnumerable<string> InWords(IEnumerable<(PciFunction Function, DeviceUser User)> uses) =>
        uses.GroupBy(u => u.Function.Address).Select(g => $"{g.Key} is in use: {string.Join(", ", g.Select(u => u.User.Description))}");

    /// <summary>What an admin would have to name.</summary>
    public static string Protections(IEnumerable<(PciFunction Function, DeviceUser User)> uses, params IEnumerable<Protection> others) =>
        string.Join(", ", uses.Select(u => u.User.Protection!.Value).Concat(others).Distinct().Order());
}
