using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Reads the machine. Only reads, only files, never throws for what they hold: an attribute that cannot be read or understood is a
/// <see cref="ReadProblem"/> and its device is still there; a device that vanishes while it is read is not. A reading is no snapshot: what
/// it says of one device is from one moment, of two devices from two. Not for several threads at once.
/// </summary>
public sealed class InventoryReader
{
    /// <summary>How long a reading waits, in all, for files whose read the kernel blocks.</summary>
    public static readonly TimeSpan DefaultBlockingDeadline = TimeSpan.FromSeconds(2);

    private readonly HostFileReader files;
    private readonly PciFunctionReader functions;
    private readonly GroupReader groups;
    private readonly HostFactsReader facts;
    private readonly VfioVariants variants;
    private readonly PciNames names;
    private readonly DeadlineReader blocking;
    private readonly Representors representors;

    /// <param name="names">Where names of vendors and devices come from; by default the host's pci.ids.</param>
    /// <param name="blockingDeadline">By default <see cref="DefaultBlockingDeadline"/>.</param>
    public InventoryReader(HostPaths paths, TimeProvider time, PciNames? names = null, TimeSpan? blockingDeadline = null)
    {
        files = new HostFileReader(paths);
        blocking = new DeadlineReader(files, time, blockingDeadline ?? DefaultBlockingDeadline);
        representors = new Representors(files, blocking);
        functions = new PciFunctionReader(files, blocking);
        groups = new GroupReader(files);
        facts = new HostFactsReader(files);
        variants = new VfioVariants(files);
        this.names = names ?? new PciNames(paths);
    }

    /// <summary>
    /// Called, on a thread of its own, when the kernel lets go of a file that a reading had to report as blocked: another reading would
    /// find it.
    /// </summary>
    public Action? Unblocked
    {
        get => blocking.CameBackLate;
        set => blocking.CameBackLate = value;
    }

    /// <summary>Reads of earlier readings that the kernel still has not answered.</summary>
    public int OutstandingReads => blocking.OutstandingReads;

    /// <summary>Reads everything. Lists are in the order of addresses, port paths and names; problems in the order of paths.</summary>
    public HostInventory Read()
    {
        var problems = new List<ReadProblem>();
        var read = functions.Read(problems);
        var children = new ChildIndex(files, problems);
        var among = representors.Among(read.Values, children);
        var byNumber = groups.Read(read, problems);
        var host = facts.Read(byNumber.Count > 0, problems);
        ReadProblem?[] missing = [variants.Use(host.KernelRelease), names.Problem];
        names.Learn(read.Values.Select(f => (f.Vendor, f.Device)));
        var slots = ReadSlots(problems);
        var completed = read
            .Values.Select(f => Complete(f, read, children.Below(f.Address, among), slots))
            .ToImmutableSortedDictionary(f => f.Address, f => f);
        var mdev = new MdevReader(files);
        var mdevs = mdev.ReadDevices(problems);
        foreach (var number in mdevs.Select(m => m.IommuGroup).OfType<int>())
            byNumber.TryAdd(number, new IommuGroup(number, [], groups.ReadType(number)));
        var devices = new DeviceNames(files);
        return new HostInventory
        {
            Facts = host,
            Functions = completed,
            Groups = byNumber.ToImmutableSortedDictionary(),
            UsbDevices = new UsbReader(files, devices).Read(children, problems),
            ScsiDevices = new ScsiReader(files, devices).Read(children, problems),
            MdevParents = mdev.ReadParents(problems),
            Mdevs = mdevs,
            Problems = [.. problems.Distinct().OrderBy(p => p.Path, StringComparer.Ordinal)],
            MissingFiles = [.. missing.OfType<ReadProblem>()],
        };
    }

    /// <summary>
    /// Slot names by what their <c>address</c> says: <c>0000:3b:00</c>, or <c>0000:3b</c> for a slot that is a whole bus (kernel
    /// <c>drivers/pci/slot.c</c>).
    /// </summary>
    private Dictionary<string, string> ReadSlots(List<ReadProblem> problems)
    {
        const string directory = "/sys/bus/pci/slots";
        var slots = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in files.List(directory))
        {
            var read = files.ReadText($"{directory}/{name}/address");
            if (read.Text is { Length: > 0 } address)
                slots.TryAdd(address, name);
            else if (!read.IsAbsent)
                problems.Add(new ReadProblem($"{directory}/{name}/address", read.Complaint ?? "is empty"));
        }

        return slots;
    }

    private PciFunction Complete(
        PciFunction function,
        Dictionary<PciAddress, PciFunction> all,
        ImmutableArray<ChildDevice> below,
        Dictionary<string, string> slots
    )
    {
        var slot = function.Address.SlotName;
        var physical = function.PhysicalFunction is { } address ? all.GetValueOrDefault(address) : null;
        return function with
        {
            VendorName = names.VendorName(function.Vendor),
            DeviceName = names.DeviceName(function.Vendor, function.Device),
            VfioVariantDriver = variants.DriverFor(function),
            Slot = slots.GetValueOrDefault(slot) ?? slots.GetValueOrDefault(slot[..slot.LastIndexOf(':')]),
            Children = below,
            NetworkInterfaceElsewhere = function.NetworkInterfaceElsewhere && !below.Any(c => c.Kind == ChildKind.NetworkInterface),
            VfIndex = IndexOf(function, physical),
            // A link to a function that is gone, or not there yet, would make every reader of the inventory look for it in vain.
            Sriov =
                function.Sriov is { } sriov && !sriov.VirtualFunctions.Values.All(all.ContainsKey)
                    ? sriov with
                    {
                        VirtualFunctions = sriov.VirtualFunctions.RemoveRange(
                            sriov.VirtualFunctions.Where(v => !all.ContainsKey(v.Value)).Select(v => v.Key)
                        ),
                    }
                    : function.Sriov,
        };
    }

    private static int? IndexOf(PciFunction function, PciFunction? physical)
    {
        foreach (var (index, address) in physical?.Sriov?.VirtualFunctions ?? ImmutableSortedDictionary<int, PciAddress>.Empty)
            if (address == function.Address)
                return index;
        return null;
    }
}
