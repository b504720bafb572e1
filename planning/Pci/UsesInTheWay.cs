using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>A use of what is to be taken, or of what goes with it.</summary>
/// <param name="Device">The one that is used.</param>
/// <param name="Taken">The one that would be taken: the same, or what carries it.</param>
internal readonly record struct UseInTheWay(DeviceId Device, DeviceUser User, PciFunction Taken)
{
    /// <summary>What an admin would have to allow; null for a use that is waited for.</summary>
    public Protection? Protection => User.Protection;
}

/// <summary>Who uses what is to be taken, and what goes with it.</summary>
internal static class UsesInTheWay
{
    /// <summary>
    /// What is lent from below a controller (a USB device, a disk) is a pod's, though nobody may have it open yet; all other uses of it are
    /// the controller's too.
    /// </summary>
    public static List<UseInTheWay> Of(Situation situation, IEnumerable<PciFunction> functions) =>
        [
            .. functions
                .SelectMany(t => situation.Graph.Below(t.Address, Bond.Carried).Prepend(t.Address).Select(d => (Taken: t, Device: d)))
                .SelectMany(p => situation.Input.Usage.UsersOf(p.Device).Select(u => new UseInTheWay(p.Device, u, p.Taken)))
                .Where(u => u.Device.AsPci is not null || u.User.Kind == UserKind.Pod)
                .DistinctBy(u => (u.Device, u.User)),
        ];

    /// <summary>Those that protect, and that the policy does not override.</summary>
    public static List<UseInTheWay> Protecting(UnitRequest request, IEnumerable<UseInTheWay> uses) =>
        [.. uses.Where(u => u.Protection is { } p && !request.Overrides(u.Taken, p))];

    public static IEnumerable<string> InWords(IEnumerable<UseInTheWay> uses) =>
        uses.GroupBy(u => u.Device).Select(g => $"{g.Key} is in use: {string.Join(", ", g.Select(u => u.User.Description))}");

    /// <summary>What an admin would have to write: the protections, and the addresses that nothing names yet.</summary>
    /// <param name="needs">What protects which function that would be taken.</param>
    public static string Override(UnitRequest request, IEnumerable<(PciFunction Taken, Protection Protection)> needs)
    {
        var all = needs.ToList();
        var protections = string.Join(", ", all.Select(n => n.Protection).Distinct().Order());
        return $"list {protections} in allowProtected together with the address{request.InMembers(all.Select(n => n.Taken))}";
    }
}
