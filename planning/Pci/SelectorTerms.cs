using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Sriov;

namespace Hostdev.Planning.Pci;

/// <summary>A selector, divided into what hardware says for good and into names that software gives.</summary>
/// <param name="Lasting">Whether all that hardware says is as wanted.</param>
/// <param name="Interfaces">Any of these; empty when no name is wanted.</param>
internal sealed record SelectorTerms(Func<PciFunction, bool> Lasting, ImmutableArray<string> Interfaces, string? Driver, string? Slot)
{
    /// <summary>Whether it asks for anything that may be called otherwise tomorrow.</summary>
    public bool AsksForNames => !Interfaces.IsEmpty || Driver is not null || Slot is not null;

    public static SelectorTerms Of(PciProperties selector) =>
        new(f => DeviceSelector.MatchesHardware(selector, f), [], selector.Driver, selector.Slot);

    public static SelectorTerms Of(PfSelector selector) =>
        new(f => DeviceSelector.MatchesHardware(selector, f), selector.Interfaces, selector.Driver, null);

    /// <summary>Whether it means a function as it is now.</summary>
    /// <param name="driver">The driver before Hostdev took it: a policy that selects by driver must still match what it has taken.</param>
    /// <param name="names">Of its network interfaces.</param>
    public bool Matches(PciFunction function, string? driver, IEnumerable<string> names) =>
        Lasting(function)
        && (Interfaces.IsEmpty || names.Any(n => Interfaces.Contains(n)))
        && (Driver is null || Driver == driver)
        && (Slot is null || Slot == function.Slot);

    /// <summary>Whether it still asks for the names by which a function was chosen.</summary>
    public bool AsksFor(Choice choice) =>
        (Interfaces.IsEmpty || (choice.Interface is { } name && Interfaces.Contains(name)))
        && (Driver is null || Driver == choice.Driver)
        && (Slot is null || Slot == choice.Slot);
}
