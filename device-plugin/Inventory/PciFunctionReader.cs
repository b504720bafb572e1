using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Reads the functions below <c>/sys/bus/pci/devices</c>, each from its own directory (kernel
/// <c>Documentation/ABI/testing/sysfs-bus-pci</c>).
/// </summary>
internal sealed class PciFunctionReader(HostFileReader files, DeadlineReader blocking)
{
    private const string Devices = "/sys/bus/pci/devices";

    /// <summary>
    /// The functions without what only a look at the whole machine tells: names, slot, children, VF index, and whether the interfaces it
    /// has are shown.
    /// </summary>
    public Dictionary<PciAddress, PciFunction> Read(List<ReadProblem> problems)
    {
        var read = new List<(DeviceFiles Files, PciFunction Function)>();
        var names = List(problems);
        foreach (var name in names)
        {
            if (!PciAddress.TryParse(name, out var address))
            {
                problems.Add(new ReadProblem($"{Devices}/{name}", "is no PCI address: domain:bus:slot.function"));
                continue;
            }

            var device = new DeviceFiles(files, files.ResolveLink($"{Devices}/{name}") ?? $"{Devices}/{name}");
            read.Add((device, ReadOne(device, address)));
        }

        var functions = new Dictionary<PciAddress, PciFunction>(read.Count);
        var suppliers = read.SelectMany(r => Links(r.Files, r.Function.Address)).ToLookup(l => l.Consumer, l => l.Supplier);
        foreach (var (device, function) in ReadBlocking(read))
        {
            if (!device.Settle(problems))
                continue;
            functions.Add(
                function.Address,
                function with
                {
                    Unreadable = device.DecidingProblems,
                    Suppliers = [.. suppliers[function.Address].Distinct().Order()],
                }
            );
        }

        if (functions.Count < read.Count)
            List(problems); // did those vanish, or all of sysfs?
        return functions;
    }

    /// <summary>Every kernel with PCI has the directory, also without a device.</summary>
    private IReadOnlyList<string> List(List<ReadProblem> problems)
    {
        var names = files.List(Devices, out var error);
        if (!error.IsSuccess)
            problems.Add(new ReadProblem(Devices, $"cannot be listed: {error.Name}"));
        return names;
    }

    /// <summary>Each link stands with both of its ends.</summary>
    private static IEnumerable<(PciAddress Consumer, PciAddress Supplier)> Links(DeviceFiles device, PciAddress address) =>
        DeviceLinks.Suppliers(device).Select(s => (address, s)).Concat(DeviceLinks.Consumers(device).Select(c => (c, address)));

    private static PciFunction ReadOne(DeviceFiles device, PciAddress address)
    {
        var (cdev, hasNode) = device.VfioCdev();
        var path = SysfsPath.PciFunctions(SysfsPath.Parent(device.Path)).ToImmutableArray();
        return new PciFunction
        {
            Address = address,
            Vendor = device.Id("vendor"),
            Device = device.Id("device"),
            SubsystemVendor = device.Id("subsystem_vendor"),
            SubsystemDevice = device.Id("subsystem_device"),
            ClassCode = device.Hex("class"),
            Driver = device.LinkName("driver"),
            IommuGroup = device.IommuGroup(),
            NumaNode = device.Integer("numa_node") is >= 0 and var node ? node : null,
            Path = path,
            IsIntegrated = path.IsEmpty && !HasLink(device),
            SubordinateBus = device.Integer("subordinate_bus_number") is >= 0 and <= byte.MaxValue and var last ? (byte)last : null,
            LinkWidth = device.Has("physfn") ? null : ReadLinkWidth(device),
            PhysicalFunction = PciAddress.TryParse(device.LinkName("physfn"), out var physical) ? physical : null,
            Sriov = device.Has("sriov_totalvfs") ? ReadSriov(device) : null,
            Bars = ReadBars(device),
            ResetMethods = [.. device.Text("reset_method", mayBeEmpty: true)?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? []],
            ResetsUntold = device.Has("reset_method") ? device.HasProblem("reset_method") : device.Has("reset"),
            VfioCdev = cdev,
            HasVfioCdevNode = hasNode,
            BootVga = device.Integer("boot_vga") == 1,
            NetworkInterfaceElsewhere = device.Has("net"),
        };
    }

    /// <summary>
    /// Endpoints of the root complex have no link, and their speed reads "Unknown"; what is no PCI Express has no such file (kernel
    /// <c>drivers/pci/pci-sysfs.c: max_link_speed_show</c>).
    /// </summary>
    private static bool HasLink(DeviceFiles device) =>
        device.Text("max_link_speed", mayBeEmpty: true) is { Length: > 0 } speed && !speed.StartsWith("Unknown", StringComparison.Ordinal);

    /// <summary>The widths that there are (PCI Express base specification, Link Status register); anything else tells nothing.</summary>
    private static int? ReadLinkWidth(DeviceFiles device) =>
        device.Has("current_link_width")
        && int.TryParse(device.TextBelow("current_link_width"), NumberStyles.None, CultureInfo.InvariantCulture, out var lanes)
        && lanes is 1 or 2 or 4 or 8 or 12 or 16 or 32
            ? lanes
            : null;

    private static SriovCapability ReadSriov(DeviceFiles device)
    {
        var functions = ImmutableSortedDictionary.CreateBuilder<int, PciAddress>();
        foreach (var name in device.Names)
        {
            if (
                name.StartsWith("virtfn", StringComparison.Ordinal)
                && int.TryParse(name.AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                && PciAddress.TryParse(device.LinkName(name), out var address)
            )
                functions[index] = address;
        }

        return new SriovCapability
        {
            TotalVfs = device.RequiredInteger("sriov_totalvfs"),
            NumVfs = null,
            Offset = device.RequiredInteger("sriov_offset"),
            Stride = device.RequiredInteger("sriov_stride"),
            // Kernels before 4.14 have no such attribute and probe always.
            Autoprobe = !device.Has("sriov_drivers_autoprobe") || device.Integer("sriov_drivers_autoprobe") == 1,
            VirtualFunctions = functions.ToImmutable(),
        };
    }

    /// <summary>
    /// <c>sriov_numvfs</c> takes the device's lock when read (kernel <c>drivers/pci/iov.c: sriov_numvfs_show</c>), and so does
    /// <c>driver_override</c> on kernels where the driver core has no lock of its own for it (<c>drivers/pci/pci-sysfs.c:
    /// driver_override_show</c>): an unbind that waits for a VMM holds that lock for as long as the VM lives.
    /// </summary>
    private IEnumerable<(DeviceFiles Device, PciFunction Function)> ReadBlocking(List<(DeviceFiles Files, PciFunction Function)> read)
    {
        var paths = new List<BlockingFile>(read.Count);
        foreach (var (device, function) in read)
        {
            if (device.Has("driver_override"))
                paths.Add(new BlockingFile(device.PathOf("driver_override")));
            if (function.Sriov is not null && device.Has("sriov_numvfs"))
                paths.Add(new BlockingFile(device.PathOf("sriov_numvfs")));
            if (HasHealth(device, function))
                paths.Add(new BlockingFile(device.PathOf("config"), ConfigHeader.Bytes));
            if (VgpuReader.IsOne(device, function))
                paths.AddRange(VgpuReader.Files.Select(f => new BlockingFile(device.PathOf(f))));
        }

        var texts = blocking.ReadAll(paths);
        var next = 0;
        foreach (var (device, function) in read)
        {
            var result = function;
            if (device.Has("driver_override"))
                result = result with
                {
                    DriverOverride = device.Judge("driver_override", texts[next++], mayBeEmpty: true) is var text and not "(null)"
                        ? text
                        : null,
                };
            if (function.Sriov is { } sriov && device.Has("sriov_numvfs"))
                result = result with
                {
                    Sriov = sriov with
                    {
                        NumVfs = device.Judge("sriov_numvfs", texts[next++]) is { } count
                            ? device.ParseInteger("sriov_numvfs", count)
                            : null,
                    },
                };
            if (HasHealth(device, function))
                result = result with { Health = ReadHealth(device, texts[next++]) };
            if (VgpuReader.IsOne(device, function))
                result = result with { Vgpu = VgpuReader.Read(device, texts[next++], texts[next++]) };
            yield return (device, result);
        }
    }

    private static bool HasHealth(DeviceFiles device, PciFunction function) =>
        function.Driver is { } driver && GroupViability.IsPassthroughDriver(driver) && device.Has("config");

    private static FunctionHealth ReadHealth(DeviceFiles device, FileText header)
    {
        var total = device
            .Text("aer_dev_fatal")
            ?.Split('\n')
            .FirstOrDefault(l => l.StartsWith("TOTAL_ERR_FATAL ", StringComparison.Ordinal));
        return new FunctionHealth(
            ConfigHeader.Answers(header),
            total is not null && device.ParseInteger("aer_dev_fatal", total["TOTAL_ERR_FATAL ".Length..]) is { } count ? count : 0
        );
    }

    /// <summary>
    /// The first six lines of <c>resource</c>: start, end, flags (kernel <c>include/linux/ioport.h</c>). Then come the ROM, the VFs' BARs
    /// and bridge windows.
    /// </summary>
    private static BarBytes ReadBars(DeviceFiles device)
    {
        const ulong memory = 0x200;
        const ulong memory64 = 0x100000;
        if (device.Text("resource") is not { } text)
            return default;
        ulong bits32 = 0,
            bits64 = 0;
        foreach (var line in text.Split('\n').Take(6))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length != 3 || !TryHex(words[0], out var start) || !TryHex(words[1], out var end) || !TryHex(words[2], out var flags))
            {
                device.Report(
                    "resource",
                    $"has a line that is not start, end and flags: \"{(line.Length > 60 ? line[..60] + "…" : line)}\""
                );
                return default;
            }

            if ((flags & memory) == 0 || end <= start)
                continue;
            if ((flags & memory64) != 0)
                bits64 += end - start + 1;
            else
                bits32 += end - start + 1;
        }

        return new BarBytes(bits32, bits64);
    }

    private static bool TryHex(string text, out ulong value)
    {
        value = 0;
        return text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
