using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Hostdev.Crds.Words;

/// <summary>
/// Every risk that <c>acceptRisks</c> can name, in one table: what it is, and what accepting it means. One that is new is an entry here,
/// its word in the enum of the CRDs, and one check (<c>planning/Pci/HostRisks</c>, <c>DeviceRisks</c>).
/// </summary>
public static class Risks
{
    private static readonly List<Risk> s_all = [];

    public static readonly Risk UnsafeInterrupts = Add(
        new(
            "UnsafeInterrupts",
            RiskOf.Host,
            "`allow_unsafe_interrupts` of `vfio_iommu_type1` or `iommufd` is on: the kernel gives a VM also devices whose interrupts "
                + "nothing isolates",
            "switch interrupt remapping on in the firmware, and the parameter off",
            "a VM with such a device can raise any interrupt of the host, and by that stop or attack it",
            Ends.SlowLook
        )
    );

    public static readonly Risk UnknownInterruptRemapping = Add(
        new(
            "UnknownInterruptRemapping",
            RiskOf.Host,
            "whether the host remaps interrupts cannot be told, because `/proc/interrupts` cannot be read",
            "mend what keeps the agent from reading it",
            "as for `UnsafeInterrupts`, should it not; the kernel then refuses the VM, unless `allow_unsafe_interrupts` is on",
            Ends.SlowLook
        )
    );

    public static readonly Risk AcsOverride = Add(
        new(
            "AcsOverride",
            RiskOf.Host,
            "`pcie_acs_override=` on the kernel command line: IOMMU groups are smaller than what the hardware isolates",
            "remove it, and say in `groupPolicy` what becomes of the groups as they are then; or use slots with ACS",
            "a VM's device can reach devices of the host and of other VMs past the IOMMU",
            Ends.Admin
        )
    );

    public static readonly Risk NoReset = Add(
        new(
            "NoReset",
            RiskOf.Device,
            "the kernel knows no way to reset the device, alone or with its bus",
            "use a device that has a reset",
            "the next VM finds the device as the last one left it, with what is in its memory",
            Ends.Admin
        )
    );

    public static readonly Risk PhysicalFunctionOnVfio = Add(
        new(
            "PhysicalFunctionOnVfio",
            RiskOf.Device,
            "the device is a virtual function whose physical function is on a vfio driver: no VM can open it without the token of "
                + "whoever has the physical function",
            "give the physical function back to its own driver",
            "a VM with it starts only where its VMM knows that token, which KubeVirt's does not; whoever has the physical function can "
                + "do with the virtual one what it likes",
            Ends.Admin
        )
    );

    public static readonly Risk SlowUnbind = Add(
        new(
            "SlowUnbind",
            RiskOf.Driver,
            "`binding: OnAllocate` of a device whose host driver is none of those that were measured to let go at once",
            "use `binding: Static`, which has the time that a driver takes",
            "an Allocate may wait for the driver: after 8 s the pod is refused, and the device is not offered again before the next boot",
            Ends.Admin
        )
    );

    /// <summary>Whose boards: <c>planning/Pci/BoardsHarmedByReset</c>.</summary>
    public static readonly Risk Reset = Add(
        new(
            "Reset",
            RiskOf.Device,
            "a reset is known to harm this board: it answers no more, or takes the host with it. VFIO resets a device whenever a VM opens "
                + "or closes it, whatever Hostdev does",
            "pass another board, or what the message names",
            "when the VM ends, or at its start, the board may be lost until the host reboots, and the host may hang with all its VMs",
            Ends.Admin,
            saidAs: "ResetHarmful"
        )
    );

    /// <summary>In the guide's order.</summary>
    public static ImmutableArray<Risk> All { get; } = [.. s_all];

    public static IEnumerable<Risk> OfDevices => All.Where(r => r.Of == RiskOf.Device);

    private static readonly FrozenDictionary<string, Risk> s_byName = All.ToFrozenDictionary(r => r.Name, StringComparer.Ordinal);

    /// <exception cref="FormatException">There is none of this name; the message has all there are.</exception>
    public static Risk Parse(string name) =>
        s_byName.TryGetValue(name, out var risk) ? risk : throw new FormatException($"\"{name}\" is not one of {string.Join(", ", All)}");

    private static Risk Add(Risk risk)
    {
        s_all.Add(risk);
        return risk;
    }
}
