using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Sriov;

/// <summary>
/// What keeps a number of virtual functions from being brought about, one check for each reason, in the order in which they are said: what
/// the card is not able to, what the policy asks of what is there, what the host lacks for what would be made, and who waits for whom.
/// </summary>
internal static class VfNumberChecks
{
    private const int Mellanox = 0x15b3;

    public static Checks<VfNumberCase> All { get; } =
        new([
            Unreadable,
            OffInFirmware,
            TooMany,
            Busy,
            .. WhereItChanges([
                Unbound,
                Foreign,
                AnsweredOtherwise,
                VfBusNumbers.PastTheLast,
                HostLacks,
                .. WhereOffered(HostRisks.Checks<VfNumberCase>(Risky)),
                MissingDriver,
                VfIsolation.NotIsolated,
            ]),
            FailedLately,
            InUse,
        ]);

    private static Objection? Unreadable(VfNumberCase it) => Objection.Of(it.Situation.Unreadable(it.Function))?.WithoutMore();

    /// <summary>A card may have no virtual functions for as long as its own firmware is set so.</summary>
    private static Objection? OffInFirmware(VfNumberCase it)
    {
        if (it.Wanted == 0 || it.Sriov.TotalVfs != 0)
            return null;
        var how =
            it.Function.Vendor.Value == Mellanox
                ? $"mlxconfig -d {it.Address} set SRIOV_EN=1 NUM_OF_VFS={it.Wanted}"
                : "its vendor's tool, or its page in the host's firmware setup";
        return Objection
            .Of(
                Reasons.NoSriov,
                $"{it.Address} asks for {it.Wanted} VFs, and its sriov_totalvfs is 0: "
                    + $"SR-IOV is off in the card's firmware: turn it on there ({how}), and reboot"
            )
            ?.WithoutMore();
    }

    private static Objection? TooMany(VfNumberCase it) =>
        it.Wanted <= it.Sriov.TotalVfs
            ? null
            : Objection.Of(
                Reasons.TooManyVfs,
                $"{it.Address} asks for {it.Wanted} VFs but sriov_totalvfs is {it.Sriov.TotalVfs}: set numVfs to at most "
                    + $"{it.Sriov.TotalVfs}, or raise it in firmware"
            );

    private static Objection? Busy(VfNumberCase it) =>
        it.Now is not null
            ? null
            : Objection
                .Of(
                    Reasons.SriovBusy,
                    $"sriov_numvfs of {it.Address} cannot be read now, because another PCI operation blocks the kernel: "
                        + "look for a process that holds a virtual function which is being removed"
                )
                ?.WithoutMore();

    private static Objection? Unbound(VfNumberCase it) =>
        it.Function.Driver is { } driver && !it.Situation.Inventory.Facts.PassthroughDrivers.Contains(driver)
            ? null
            : Objection.Of(
                Reasons.PhysicalFunctionUnbound,
                $"{it.Address} has {(it.Function.Driver is null ? "no driver" : $"the driver {it.Function.Driver}")}, which makes no "
                    + "virtual functions: bind its own driver first"
            );

    private static Objection? Foreign(VfNumberCase it) =>
        it.Now == 0 || VfSteps.AreOurs(it.Owned, it.Now)
            ? null
            : Objection.Of(
                Reasons.ForeignVfs,
                $"{it.Address} has {it.Now} VFs that Hostdev did not make, and {it.Wanted} are asked for: they are never "
                    + $"reset; remove them by hand, set numVfs to {it.Now}, or use management External"
            );

    /// <summary>
    /// Its driver has answered: to remove what it made and ask again would get the same, and take from the pools what they have.
    /// </summary>
    private static Objection? AnsweredOtherwise(VfNumberCase it) =>
        it.Now == 0 || it.Owned?.Asked != it.Wanted
            ? null
            : Objection.Of(
                Reasons.OtherVfNumber,
                $"{it.Address}: {it.Wanted} VFs were asked for and its driver made {it.Now}: set numVfs to {it.Now}, or see dmesg for its "
                    + "limit"
            );

    /// <summary>
    /// Virtual functions for VMs are not made on a host that cannot pass them: taking the old ones away for that would be loss without
    /// gain.
    /// </summary>
    private static Objection? HostLacks(VfNumberCase it) =>
        it.Offered.IsEmpty ? null : Objection.Of(HostConditions.Problem(it.Situation.Inventory, it.Function));

    private static (HostFacts Facts, ImmutableArray<Risk> Accepted, string What) Risky(VfNumberCase it) =>
        (it.Situation.Inventory.Facts, it.Policy.Spec.AcceptRisks ?? [], $"a VF of {it.Address}");

    /// <summary>
    /// Which variant driver Auto takes is known only when the virtual functions are there, and vfio-pci is what it falls back to.
    /// </summary>
    private static Objection? MissingDriver(VfNumberCase it) =>
        Objection.Of(
            it.Offered.Select(p => p.Driver)
                .Distinct()
                .Select(d => d.Type == DriverType.Named ? d.Name! : "vfio-pci")
                .Select(d => HostConditions.MissingDriver(it.Situation.Inventory, $"each VF of {it.Address}", d, it.Function.Driver))
                .FirstOrDefault(m => m is not null)
        );

    /// <summary>What was undone again and again is left so only if it is undone now.</summary>
    private static Objection? FailedLately(VfNumberCase it)
    {
        var (input, purpose) = (it.Situation.Input, Purpose.Vfs(it.Address));
        var contested = it.Now == it.Wanted ? null : input.Contested.GetValueOrDefault(purpose);
        return Objection.Of(input.Setbacks.GetValueOrDefault(purpose) ?? contested);
    }

    /// <summary>The kernel goes from one number to another only through 0.</summary>
    private static Objection? InUse(VfNumberCase it)
    {
        if (it.Now == it.Wanted || it.Now == 0)
            return null;
        var users = it.Situation.Input.Usage.InWords(it.Sriov.VirtualFunctions.Values.Select(a => (DeviceId)a));
        return users.IsEmpty
            ? null
            : Objection.Waits(
                Reasons.InUse,
                $"{it.Address} goes from {it.Now} to {it.Wanted} VFs, which needs all of them free, but "
                    + $"{string.Join("; ", users)}: it is done as soon as they are let "
                    + $"go{(it.Policy.Spec.Disruption == Disruption.Cordon ? "; meanwhile none is offered" : "")}"
            );
    }

    private static IEnumerable<Func<VfNumberCase, Objection?>> WhereOffered(IEnumerable<Func<VfNumberCase, Objection?>> checks) =>
        checks.Select<Func<VfNumberCase, Objection?>, Func<VfNumberCase, Objection?>>(check => it => it.Offered.IsEmpty ? null : check(it));

    private static IEnumerable<Func<VfNumberCase, Objection?>> WhereItChanges(params Func<VfNumberCase, Objection?>[] checks) =>
        checks.Select<Func<VfNumberCase, Objection?>, Func<VfNumberCase, Objection?>>(check =>
            it => it.Now == it.Wanted ? null : check(it)
        );
}
