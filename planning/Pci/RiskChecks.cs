namespace Hostdev.Planning.Pci;

/// <summary>
/// What voids the isolation of a group that could be a unit, unless the policy accepts it. Asked last: that the host needs a device comes
/// before that a VM should not have it.
/// </summary>
internal static class RiskChecks
{
    public static Checks<GroupCase> All { get; } =
        new([
            .. HostRisks.Checks<GroupCase>(it => (it.Inventory.Facts, it.Request.AcceptRisks, it.Primary.Address.ToString())),
            .. DeviceRisks.Checks,
        ]);
}
