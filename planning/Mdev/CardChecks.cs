using Hostdev.Crds.Words;

namespace Hostdev.Planning.Mdev;

/// <summary>What keeps a card from having any mediated device of a profile's type.</summary>
internal static class CardChecks
{
    private const string PciApi = "vfio-pci";

    public static Checks<CardCase> All { get; } = new(NoSuchType, OtherApi);

    private static Objection? NoSuchType(CardCase it) =>
        it.Makers.IsEmpty ? Objection.Of(Reasons.NoSuchType, $"{it.Card.Name} has no type {it.TypeInWords}: it has {Types(it)}") : null;

    private static Objection? OtherApi(CardCase it) =>
        it
            .Makers.Where(m => m.Type.DeviceApi != PciApi)
            .Select(m =>
                Objection.Of(
                    Reasons.NotSupported,
                    $"type {m.Type.Id} of {m.Parent.Name} makes devices for {m.Type.DeviceApi}, and only those for {PciApi} can "
                        + "be given to a VM: choose another type"
                )
            )
            .FirstOrDefault();

    private static string Types(CardCase it)
    {
        var there = it
            .Card.Parents.SelectMany(p => p.Types)
            .DistinctBy(t => t.Id)
            .OrderBy(t => t.Id, StringComparer.Ordinal)
            .Select(t => t.Name is { } name ? $"{t.Id} (\"{name}\")" : t.Id)
            .ToList();
        return there.Count == 0 ? "none now; look at dmesg for what its driver says" : string.Join(", ", there);
    }
}
