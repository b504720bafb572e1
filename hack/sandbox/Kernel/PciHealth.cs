using System.Buffers.Binary;
using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>How a function reports an error (PCIe 6.2.2).</summary>
public enum ErrorSeverity
{
    Correctable,
    NonFatal,
    Fatal,
}

/// <summary>
/// What a function shows of its health (<c>config</c>, <c>aer_dev_*</c>), and <c>reset</c> (kernel drivers/pci/pci-sysfs.c,
/// drivers/pci/pcie/aer.c).
/// </summary>
internal sealed class PciHealth(KernelCore core, PciBus bus, PciBinding binding)
{
    private const int HeaderBytes = 64;

    /// <summary>Functions that a reset brings back.</summary>
    private readonly HashSet<PciDevice> _broken = [];

    /// <summary>The beginning of configuration space. A virtual function's ids read as ones there, though sysfs prints them.</summary>
    public static byte[] Header(PciDevice device)
    {
        var header = new byte[HeaderBytes];
        var d = device.Description;
        BinaryPrimitives.WriteUInt16LittleEndian(header, device.PhysicalFunction is null ? d.Vendor.Value : ushort.MaxValue);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(2), device.PhysicalFunction is null ? d.Device.Value : ushort.MaxValue);
        header[8] = d.Revision;
        for (var i = 0; i < 3; i++)
            header[9 + i] = (byte)(d.Class >> (8 * i));
        header[14] = (byte)(d.IsBridge ? 1 : 0);
        return header;
    }

    public static string ErrorFile(ErrorSeverity severity) => $"aer_dev_{Word(severity)}";

    public static string ReceivedFile(ErrorSeverity severity) =>
        $"aer_rootport_total_err_{(severity == ErrorSeverity.Correctable ? "cor" : Word(severity))}";

    /// <summary>The counts of each error and their sum; all errors are of one sort here.</summary>
    public static string Errors(ErrorSeverity severity, long count) =>
        severity == ErrorSeverity.Correctable
            ? FormattableString.Invariant($"RxErr 0\nBadTLP {count}\nBadDLLP 0\nRollover 0\nTimeout 0\nTOTAL_ERR_COR {count}\n")
            : FormattableString.Invariant($"Undefined 0\nDLP {count}\nSDES 0\nTLP 0\nFCP 0\nCmpltTO 0\n")
                + FormattableString.Invariant($"TOTAL_ERR_{Word(severity).ToUpperInvariant()} {count}\n");

    public void AddAttributes(PciDevice device)
    {
        if (device.Description.ResetMethods.Length == 0)
            return;
        core.Attribute(device.Path + "/reset", text => Reset(device, text));
        core.Attribute(device.Path + "/reset_method", text => ChooseResets(device, text.Trim()));
    }

    /// <summary>
    /// An empty line takes all ways from it, "default" gives back those that it was found with; single ones are not chosen here (kernel
    /// <c>drivers/pci/pci.c: reset_method_store</c>).
    /// </summary>
    private Errno ChooseResets(PciDevice device, string text)
    {
        if (text is not ("" or "default"))
            return Errno.EINVAL;
        core.Tree.WriteFile(device.Path + "/reset_method", (text.Length == 0 ? "" : device.Description.ResetMethods) + "\n");
        return Errno.None;
    }

    /// <summary>The function stops answering: every read gives ones.</summary>
    public void Break(PciDevice device)
    {
        _broken.Add(device);
        core.Tree.WriteBytes(device.Path + "/config", [.. Enumerable.Repeat((byte)0xff, HeaderBytes)]);
    }

    /// <summary>
    /// An error, which the function and the root port above it count. Of what is uncorrectable the recovery tells by events (kernel
    /// drivers/pci/pci-driver.c: pci_uevent_ers); of what was corrected nobody does.
    /// </summary>
    public void Report(PciDevice device, ErrorSeverity severity)
    {
        var count = ++device.Errors[(int)severity];
        core.Tree.WriteFile($"{device.Path}/{ErrorFile(severity)}", Errors(severity, count));
        var port = device;
        while (port.Parent is { } parent)
            port = parent;
        if (port.Description is { Aer: true, IsBridge: true })
        {
            var received = ++port.ReceivedErrors[(int)severity];
            core.Tree.WriteFile($"{port.Path}/{ReceivedFile(severity)}", string.Create(CultureInfo.InvariantCulture, $"{received}\n"));
        }

        if (severity == ErrorSeverity.Correctable)
            return;
        // Of a port's error those below it are told (pcie_do_recovery).
        var told = device.Description.IsBridge ? bus.Devices.Values.Where(d => d.Parent == device).ToList() : [device];
        var (outcome, online) = severity == ErrorSeverity.Fatal ? ("FAILED_RECOVERY", "0") : ("SUCCESSFUL_RECOVERY", "1");
        foreach (var one in told)
            core.Uevents.Emit(
                "change",
                one.Path,
                "pci",
                [.. PciFunctionFiles.Environment(one, withDriver: true), ("ERROR_EVENT", outcome), ("DEVICE_ONLINE", online)]
            );
    }

    private static string Word(ErrorSeverity severity) =>
        severity switch
        {
            ErrorSeverity.Correctable => "correctable",
            ErrorSeverity.NonFatal => "nonfatal",
            _ => "fatal",
        };

    private Errno Reset(PciDevice device, string text)
    {
        if (!KernelNumber.TryUnsigned(text, out var one) || one != 1)
            return Errno.EINVAL;
        return binding.WithLock(
            device,
            () =>
            {
                // A bus reset reaches every function behind the port, and is refused when there is another (pci_parent_bus_reset):
                // reset_method says "bus" all the same.
                if (
                    device.Description.ResetMethods == "bus"
                    && bus.Devices.Values.Any(other => other != device && other.Parent == device.Parent && other.PhysicalFunction is null)
                )
                    return Errno.ENOTTY;
                device.Resets++;
                if (!_broken.Remove(device))
                    return Errno.None;
                core.Tree.WriteBytes(device.Path + "/config", Header(device));
                return Errno.None;
            }
        );
    }
}
