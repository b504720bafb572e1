using System.IO.Enumeration;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// The kernel's vfio variant drivers and the devices they are for, from the <c>vfio_pci:</c> lines of <c>modules.alias</c> (kernel
/// <c>Documentation/driver-api/vfio-pci-device-specific-driver-acceptance.rst</c>, <c>include/linux/pci.h:
/// PCI_DRIVER_OVERRIDE_DEVICE_VFIO</c>). Read once for each kernel release.
/// </summary>
internal sealed class VfioVariants(HostFileReader files)
{
    private const string LinePrefix = "alias vfio_pci:";
    private readonly Dictionary<string, string?> driverNames = [];
    private string? release;
    private List<(string Pattern, string Module)> aliases = [];

    /// <summary>Reads the aliases of that kernel unless they are the ones read last.</summary>
    /// <returns>What is wrong with them; null where nothing is.</returns>
    public ReadProblem? Use(string kernelRelease)
    {
        driverNames.Clear();
        if (release == kernelRelease || kernelRelease.Length == 0)
            return null;
        aliases = [];
        var path = $"/lib/modules/{kernelRelease}/modules.alias";
        if (!files.Exists(path))
        {
            // Asked again next time: a package may bring it.
            release = null;
            return new ReadProblem(
                path,
                "is not there: which vfio variant driver a device has is not known, and driver: Auto is vfio-pci "
                    + "for all of them; in a Pod mount the host's /lib/modules, on a host run depmod"
            );
        }

        foreach (var line in files.ReadLines(path))
        {
            if (!line.StartsWith(LinePrefix, StringComparison.Ordinal))
                continue;
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            // vfio-pci itself is there with wildcards only: it is what there is when no variant matches.
            if (words.Length == 3 && words[2] is not ("vfio_pci" or "vfio-pci"))
                aliases.Add((words[1]["vfio_pci:".Length..], words[2]));
        }

        release = kernelRelease;
        return null;
    }

    /// <summary>The driver for the function, by the alias with the fewest wildcards; null when no variant is for it.</summary>
    public string? DriverFor(PciFunction f)
    {
        if (aliases.Count == 0)
            return null;
        // drivers/pci/pci-driver.c: pci_uevent
        var modalias =
            $"v{f.Vendor.Value:X8}d{f.Device.Value:X8}sv{f.SubsystemVendor.Value:X8}sd{f.SubsystemDevice.Value:X8}"
            + $"bc{f.ClassCode >> 16:X2}sc{(f.ClassCode >> 8) & 0xff:X2}i{f.ClassCode & 0xff:X2}";
        var module = aliases
            .Where(a => FileSystemName.MatchesSimpleExpression(a.Pattern, modalias))
            .OrderBy(a => a.Pattern.AsSpan().Count('*'))
            .Select(a => a.Module)
            .FirstOrDefault();
        return module is null ? null : DriverOf(module);
    }

    /// <summary>
    /// A driver may be called otherwise than its module; a loaded module says how (<c>/sys/module/M/drivers/pci:D</c>). One that is not
    /// loaded is named by its module.
    /// </summary>
    private string? DriverOf(string module)
    {
        if (driverNames.TryGetValue(module, out var known))
            return known;
        var loaded = files
            .List($"/sys/module/{module.Replace('-', '_')}/drivers")
            .FirstOrDefault(n => n.StartsWith("pci:", StringComparison.Ordinal));
        return driverNames[module] = loaded is null ? module : loaded["pci:".Length..];
    }
}
