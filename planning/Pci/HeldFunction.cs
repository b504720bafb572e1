using System.Collections.Immutable;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// A function that is kept from the VM and from the host, and where: the VM can open what is on vfio-pci in its group, and cannot open what
/// is on pci-stub.
/// </summary>
/// <param name="Driver">Null: it is left without one, as it is.</param>
/// <param name="Why">Completes "Held by 0000:43:00.0 (...)".</param>
internal sealed record HeldFunction(PciFunction Function, string? Driver, string Why)
{
    private const string Vfio = "vfio-pci";
    private const string Stub = "pci-stub";
    private const string NoStub = "on vfio-pci, because the host has no pci-stub";

    public static ImmutableArray<HeldFunction> Of(Situation situation, IEnumerable<PciFunction> held, ResetReach reach)
    {
        var hasStub = situation.Inventory.Facts.PassthroughDrivers.Contains(Stub);
        return
        [
            .. held.OrderBy(f => f.Address).Select(f => Of(f, reach, hasStub, situation.Input.Ownership.Functions.ContainsKey(f.Address))),
        ];
    }

    /// <summary>As it is now, while the unit cannot be changed.</summary>
    public HeldFunction Now() =>
        Function.Driver == Driver
            ? this
            : this with
            {
                Driver = Function.Driver,
                Why = Function.Driver is null ? "without a driver" : $"on {Function.Driver} now",
            };

    private static HeldFunction Of(PciFunction function, ResetReach reach, bool hasStub, bool isOurs)
    {
        if (reach.Reaches(function))
            return new HeldFunction(
                function,
                Vfio,
                reach.SurelyReaches(function)
                    ? "on vfio-pci, because resetting the assigned functions resets it too"
                    : "on vfio-pci, because this kernel does not tell whether resetting the assigned functions resets it too"
            );
        var free = reach.Dependent.IsEmpty
            ? "because the assigned functions reset on their own"
            : "because no reset of the assigned functions reaches it";
        // In force stays: newly taken it would be elsewhere.
        var stays = hasStub ? $"on vfio-pci, where it was; from the host it would go to pci-stub, {free}" : NoStub;
        if (function.Driver == Vfio)
            return new HeldFunction(function, Vfio, stays);
        if (hasStub)
            return new HeldFunction(function, Stub, $"on pci-stub, {free}");
        // What we have taken would go back to the host if it were left alone.
        return function.Driver is null && !isOurs
            ? new HeldFunction(function, null, "without a driver, as it was; the host has no pci-stub")
            : new HeldFunction(function, Vfio, NoStub);
    }
}
