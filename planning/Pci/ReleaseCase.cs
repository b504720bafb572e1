using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>A function of ours that is in no target, and what decides whether it goes back to the host now.</summary>
internal sealed record ReleaseCase(Situation Situation, Targets Targets, OwnedFunction Owned, PciFunction Function) : ICase
{
    public Purpose Purpose => Purpose.Release(Owned.Address);

    /// <summary>It is on a driver of ours.</summary>
    public bool IsOurs =>
        Function.Driver is { } driver && driver != Owned.OriginalDriver && Situation.Inventory.Facts.PassthroughDrivers.Contains(driver);

    public bool IsDriverless => Function.Driver is null;

    /// <summary>A policy names it, whether it may have it now or not.</summary>
    public bool IsNamed => Targets.Named.ContainsKey(Owned.Address);

    public Finding Say(FindingState state, Reason reason, string message) =>
        new(null, Owned.Address.ToString(), state, reason, message, Owned.PolicyUid);
}
