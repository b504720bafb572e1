using System.Collections.Immutable;
using System.Globalization;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// cloud-hypervisor's arguments for the PCI and mediated devices of one answer (its <c>docs/vfio.md</c>, <c>vmm/src/config.rs</c>). It
/// takes <c>--device</c> and <c>--pci-segment</c> any number of times and <c>--platform</c> once, which is therefore apart.
/// </summary>
/// <param name="Arguments">Separated by spaces, none of which has one.</param>
/// <param name="Platform">What <c>--platform</c> must say; null when nothing.</param>
internal sealed record CloudHypervisorArguments(string Arguments, string? Platform)
{
    /// <summary>A segment is one bus of 32 slots: the first is shared with the VM's other devices.</summary>
    private const int MostOfSegment = 24;

    private const ulong MiB = 1 << 20;

    /// <summary>What the VM's other devices are left in the first segment, below 4 GiB.</summary>
    private const ulong OthersRoom = 32 * MiB;

    /// <param name="room">What all segments share below 4 GiB, in bytes; null where it is not known: they are not weighed then.</param>
    /// <param name="hasIommufd">As <see cref="QemuArguments"/> has it.</param>
    public static CloudHypervisorArguments? Of(DeviceInfo info, ulong? room, bool hasIommufd)
    {
        var devices = info.Devices.SelectMany(Of).ToList();
        if (devices.Count == 0)
            return null;
        var segments = devices.Chunk(MostOfSegment).ToList();
        IEnumerable<string> arguments =
        [
            "--device",
            .. segments.SelectMany((s, number) => s.Select(d => number == 0 ? d.Text : $"{d.Text},pci_segment={number}")),
            .. Weights([.. segments.Select((s, number) => Need(s, number))], room),
        ];
        List<string> platform = [];
        if (segments.Count > 1)
            platform.Add(string.Create(CultureInfo.InvariantCulture, $"num_pci_segments={segments.Count}"));
        var groups = info.Devices.Where(d => d.Assigned is not null).ToList();
        if (hasIommufd && groups.Count > 0 && groups.TrueForAll(d => d.HasCdevs))
            platform.Add("iommufd=on");
        return new CloudHypervisorArguments(string.Join(' ', arguments), platform.Count == 0 ? null : string.Join(',', platform));
    }

    private static IEnumerable<(string Text, ulong Bits32)> Of(InfoOfDevice device)
    {
        foreach (var function in device.Assigned ?? [])
        {
            var clique = device.CliqueOf(function) is { } number
                ? string.Create(CultureInfo.InvariantCulture, $",x_nv_gpudirect_clique={number}")
                : "";
            yield return ($"path=/sys/bus/pci/devices/{function.Address}/{clique}", function.Bars?.Bits32 ?? 0);
        }

        if (device.Mdev is not null)
            yield return ($"path={device.SysfsPath}/", 0);
    }

    private static ulong Need((string Text, ulong Bits32)[] devices, int segment) =>
        devices.Aggregate(segment == 0 ? OthersRoom : MiB, (sum, d) => sum + d.Bits32);

    /// <summary>
    /// Segments share the room equally unless they are weighed, which is done only where equal shares would not be enough.
    /// </summary>
    private static IEnumerable<string> Weights(ImmutableArray<ulong> needs, ulong? room)
    {
        if (needs.Length == 1 || room is not { } shared || needs.All(n => n <= shared / (ulong)needs.Length))
            return [];
        return
        [
            "--pci-segment",
            .. needs.Select(
                (need, number) =>
                    string.Create(CultureInfo.InvariantCulture, $"pci_segment={number},mmio32_aperture_weight={(need + MiB - 1) / MiB}")
            ),
        ];
    }
}
