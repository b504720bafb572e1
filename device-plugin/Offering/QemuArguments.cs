using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// QEMU's arguments for the devices of one answer, separated by spaces, none of which has one: a shell takes them without quotes. For
/// machines with a PCIe root bus <c>pcie.0</c> (<c>q35</c>, <c>virt</c>). Identifiers are unique over the resources of a VM.
/// </summary>
internal static class QemuArguments
{
    /// <summary>
    /// Of the 32 slots of the root bus the machine and its other devices need some; with more than these, root ports go below a switch.
    /// </summary>
    private const int MostRootPorts = 24;

    private const int PortsOfSwitch = 32;

    /// <summary>A <c>qemu-xhci</c> has so many ports of each speed (QEMU <c>hw/usb/hcd-xhci.h: XHCI_MAXPORTS_2</c>).</summary>
    private const int PortsOfXhci = 15;

    /// <param name="suffix">The resource as env names have it.</param>
    /// <param name="hasIommufd">Whether the host has <c>/dev/iommu</c>, which the container is given then.</param>
    public static string Of(DeviceInfo info, string suffix, bool hasIommufd)
    {
        var resource = suffix.ToLowerInvariant();
        var functions = info.Devices.Where(d => d.Assigned is not null).ToList();
        var iommufd = hasIommufd && functions.Exists(d => d.HasCdevs) ? $"iommufd-{resource}" : null;
        IEnumerable<string> arguments =
        [
            .. iommufd is null ? [] : (string[])["-object", $"iommufd,id={iommufd}"],
            .. Functions(functions, resource, iommufd),
            .. info.Devices.Where(d => d.Mdev is not null).SelectMany(Mediated),
            .. Usb([.. info.Devices.Select(d => d.Usb).OfType<UsbInfo>()], resource),
            .. Scsi([.. info.Devices.Select(d => d.Scsi).OfType<ScsiInfo>()], resource),
        ];
        return string.Join(' ', arguments);
    }

    /// <summary>
    /// Each slot of the host becomes a slot of the guest behind a port of its own: functions of one card stay functions of one card.
    /// </summary>
    private static IEnumerable<string> Functions(List<InfoOfDevice> devices, string resource, string? iommufd)
    {
        var slots = devices
            .SelectMany(d => d.Assigned!.Value.Select(f => (Device: d, Address: PciAddress.Parse(f.Address), Clique: d.CliqueOf(f))))
            .GroupBy(f => f.Address with { Function = 0 })
            .ToList();
        var switches = slots.Count > MostRootPorts;
        for (var i = 0; i < slots.Count; i++)
        {
            if (switches && i % PortsOfSwitch == 0)
            {
                var root = $"switch{i / PortsOfSwitch}-{resource}";
                yield return "-device";
                yield return $"pcie-root-port,id={root}-root,bus=pcie.0,{Place(slots[i].Key, ofSwitch: true)}";
                yield return "-device";
                yield return $"x3130-upstream,id={root},bus={root}-root";
            }

            var port = $"port-{slots[i].Key.ToString().Replace(':', '-')}";
            var (driver, bus) = switches ? ("xio3130-downstream", $"switch{i / PortsOfSwitch}-{resource}") : ("pcie-root-port", "pcie.0");
            yield return "-device";
            yield return $"{driver},id={port},bus={bus},{Place(slots[i].Key, ofSwitch: false)}";
            foreach (var argument in Slot([.. slots[i].OrderBy(f => f.Address)], port, iommufd))
                yield return argument;
        }
    }

    /// <summary>
    /// A guest looks for functions only where there is a function 0, which is also the last to be plugged in.
    /// </summary>
    private static IEnumerable<string> Slot(
        ImmutableArray<(InfoOfDevice Device, PciAddress Address, int? Clique)> functions,
        string port,
        string? iommufd
    )
    {
        for (var number = 0; number < functions.Length; number++)
        {
            var (device, address, p2p) = functions[number];
            var argument = new StringBuilder();
            argument.Append(CultureInfo.InvariantCulture, $"vfio-pci,host={address},bus={port},addr=00.{number}");
            if (number == 0 && functions.Length > 1)
                argument.Append(",multifunction=on");
            if (iommufd is not null && device.HasCdevs)
                argument.Append(CultureInfo.InvariantCulture, $",iommufd={iommufd}");
            if (p2p is { } clique)
                argument.Append(CultureInfo.InvariantCulture, $",x-nv-gpudirect-clique={clique}");
            yield return "-device";
            yield return argument.ToString();
        }
    }

    /// <summary>
    /// QEMU wants each port's pair of chassis and slot once in a machine, whatever made the port: bus and device of the host are unique in
    /// a domain and fill the 13 bits of a slot's number (PCIe 7.5.3.9), and chassis from 128 on are left to us.
    /// </summary>
    private static string Place(PciAddress slot, bool ofSwitch)
    {
        var domain = (slot.Domain ^ (slot.Domain >> 6) ^ (slot.Domain >> 12)) & 0x3f;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"chassis={128 + (ofSwitch ? 64 : 0) + domain},slot={(slot.Bus << 5) | slot.Slot}"
        );
    }

    private static IEnumerable<string> Mediated(InfoOfDevice device) =>
        ["-device", $"{device.Mdev!.DeviceApi ?? "vfio-pci"},sysfsdev={device.SysfsPath}"];

    private static IEnumerable<string> Usb(ImmutableArray<UsbInfo> devices, string resource)
    {
        for (var i = 0; i < devices.Length; i++)
        {
            var controller = $"usb{i / PortsOfXhci}-{resource}";
            if (i % PortsOfXhci == 0)
            {
                yield return "-device";
                yield return $"qemu-xhci,id={controller},p2={PortsOfXhci},p3={PortsOfXhci}";
            }

            yield return "-device";
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"usb-host,bus={controller}.0,hostbus={devices[i].Bus},hostaddr={devices[i].Device}"
            );
        }
    }

    private static IEnumerable<string> Scsi(ImmutableArray<ScsiInfo> devices, string resource)
    {
        if (devices.IsEmpty)
            yield break;
        yield return "-device";
        yield return $"virtio-scsi-pci,id=scsi-{resource}";
        foreach (var device in devices)
        {
            var name = device.GenericNode[(device.GenericNode.LastIndexOf('/') + 1)..];
            yield return "-blockdev";
            yield return $"driver=host_device,node-name=host-{name},filename={device.GenericNode}";
            yield return "-device";
            yield return $"scsi-generic,bus=scsi-{resource}.0,drive=host-{name}";
        }
    }
}
