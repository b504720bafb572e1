using Hostdev.Crds;

namespace Hostdev.Planning.Lending;

/// <summary>A device that was lent to a pod as it is: it stays with the host's drivers, which whoever has it may put aside.</summary>
/// <param name="Lent">What it called itself then.</param>
/// <param name="PolicyUid">The policy by which it was lent.</param>
/// <param name="Drivers">What a USB device's interfaces had before; null for a device of another class.</param>
public sealed record OwnedLoan(DeviceId Device, string Lent, string PolicyUid, InterfaceDrivers? Drivers);
