using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Lending;
using Hostdev.Planning.Mdev;
using Hostdev.Planning.Pci;

namespace Hostdev.Kubectl.Answers;

/// <summary>
/// A machine as its status tells of it, for the planner: devices, groups, who has what, and what is Hostdev's. What a status does not tell
/// is taken for harmless: nobody of the host uses anything, everything can be reset, bridges and drivers' own nodes are left out. Whoever
/// has the node's token writes what they like: what cannot be read is no device.
/// </summary>
public sealed class ReportedMachine
{
    /// <summary>Of one node: more than cards make, and few enough that a node that lies holds nobody up.</summary>
    internal const int MostVfs = 8192;

    /// <summary>The kernel counts groups from 0, one for each device at most.</summary>
    private const int FirstUntoldGroup = 1 << 24;

    private readonly NodeDeviceStateStatus _status;
    private readonly Dictionary<string, string> _uidByResource = new(StringComparer.Ordinal);
    private readonly HashSet<string> _adopted;
    private readonly ImmutableArray<DesiredPolicy> _given;
    private readonly ImmutableArray<string> _passthrough;
    private int _vfs;

    private ReportedMachine(NodeDeviceStateStatus status, ImmutableArray<DesiredPolicy> given)
    {
        (_status, _given) = (status, given);
        _passthrough = [.. status.Host.VfioDrivers.OfType<string>()];
        foreach (var policy in given)
        {
            foreach (var resource in ResourcesOf(policy))
                _uidByResource.TryAdd(resource, policy.Identity.Uid);
        }

        _adopted =
        [
            .. status
                .Policies.OfType<PolicyResult>()
                .SelectMany(p => p.Problems)
                .Where(p => p?.State == FindingState.Adopted)
                .Select(p => p.Device),
        ];
    }

    /// <param name="given">What the node's spec holds, by which it is as it is.</param>
    /// <returns>Without policies: they are what is asked about.</returns>
    public static PlanningInput Of(NodeDeviceStateStatus status, ImmutableArray<DesiredPolicy> given) =>
        new ReportedMachine(status, given).Input();

    /// <summary>With the policies that the node was given, which are what it is asked about.</summary>
    public static PlanningInput AsItIs(NodeDeviceState state, NodeDeviceStateStatus status)
    {
        var spec = SpecOf(state);
        return Of(status, spec.Policies) with
        {
            Node = state.Metadata.Name,
            Cordons = spec.Cordons,
            Policies = [.. spec.Policies.Select(p => new EffectivePolicy(p, p as DesiredPolicy.Frozen))],
        };
    }

    /// <summary>What the node was given; nothing where that cannot be read.</summary>
    internal static NodeDeviceStateSpec SpecOf(NodeDeviceState state) =>
        state.Spec is { } spec && NodeDeviceStateReader.Read(spec.GetRawText(), out _, inForce: true) is { } read
            ? read
            : new NodeDeviceStateSpec { Policies = [] };

    /// <summary>As a pod stands in what is said of its devices; a blank or the end follows.</summary>
    internal static string PodWords(string ns, string pod) => $"pod {ns}/{pod}";

    /// <summary>The names under which a policy offers devices.</summary>
    private static IEnumerable<string> ResourcesOf(DesiredPolicy policy) =>
        policy switch
        {
            DesiredPolicy.OfHostDevice p => [p.Spec.ResourceName.Value],
            DesiredPolicy.OfSriovPolicy p => p.Spec.Pools.Select(pool => pool.ResourceName?.Value).OfType<string>(),
            DesiredPolicy.OfMdevProfile p => [p.Spec.ResourceName.Value],
            _ => [],
        };

    private PlanningInput Input()
    {
        var physical = Devices(DeviceClass.Pci).Select(Function).OfType<PciFunction>().DistinctBy(f => f.Address).ToList();
        var vfs = physical.ToDictionary(f => f.Address, VfsOf);
        var functions = physical
            .Select(f =>
                f.Sriov is null
                    ? f
                    : f with
                    {
                        Sriov = f.Sriov with { NumVfs = vfs[f.Address].Current, VirtualFunctions = Indices(vfs[f.Address]) },
                    }
            )
            .Concat(vfs.Values.SelectMany(v => v.Functions))
            .DistinctBy(f => f.Address)
            .ToImmutableSortedDictionary(f => f.Address, f => f);
        var inventory = new HostInventory
        {
            Facts = Facts(),
            Functions = functions,
            Groups = Groups(functions.Values),
            UsbDevices = [.. Devices(DeviceClass.Usb).Select(Usb).OfType<UsbDevice>().DistinctBy(u => u.Port)],
            ScsiDevices = [.. Devices(DeviceClass.Scsi).Select(Scsi).OfType<ScsiDevice>().DistinctBy(s => s.Id)],
            MdevParents = [],
            Mdevs = [.. Devices(DeviceClass.Mdev).Select(Mdev).OfType<MdevDevice>().DistinctBy(m => m.Uuid)],
            Problems = [],
        };
        return new PlanningInput
        {
            Inventory = inventory,
            Policies = [],
            Usage = Usage(inventory),
            Ownership = OwnershipOf(inventory),
            Given = [.. Allocations.Select(a => a.Id)],
            Choices = [.. _given.SelectMany(p => ChosenByName(p, inventory))],
        };
    }

    private IEnumerable<(DeviceId Id, AllocationStatus Allocation)> Allocations
    {
        get
        {
            foreach (var allocation in _status.Allocations.OfType<AllocationStatus>())
            {
                if (!TokenId.Is(allocation.Id) && DeviceId.TryParse(allocation.Id, out var id))
                    yield return (id, allocation);
            }
        }
    }

    private HostFacts Facts() =>
        new()
        {
            KernelRelease = _status.Host.Kernel,
            BootId = _status.Host.BootId,
            Architecture = _status.Host.Architecture,
            IommuEnabled = _status.Host.Iommu,
            InterruptRemapping = Enum.TryParse<InterruptRemapping>(_status.Host.InterruptRemapping, out var it)
                ? it
                : InterruptRemapping.Unknown,
            UnsafeInterruptsAllowed = _status.Host.KernelArguments.Any(a =>
                a is "vfio_iommu_type1.allow_unsafe_interrupts=1" or "vfio_iommu_type1.allow_unsafe_interrupts=Y"
            ),
            KernelArguments = [.. _status.Host.KernelArguments.OfType<string>()],
            PassthroughDrivers = _passthrough,
            Iommufd = true,
        };

    private IEnumerable<DeviceStatus> Devices(DeviceClass of) =>
        _status.Devices.OfType<DeviceStatus>().Where(d => (d.Class ?? DeviceClass.Pci.Word()) == of.Word());

    private bool IsPassthrough(string? driver) => driver is not null && _passthrough.Contains(driver);

    private PciFunction? Function(DeviceStatus device)
    {
        if (!PciAddress.TryParse(NodeDevices.IdOf(device), out var address) || !TryIds(device.Ids, out var vendor, out var id))
            return null;
        var pci = device.Pci ?? new PciDeviceStatus();
        TryIds(pci.Subsystem, out var subsystemVendor, out var subsystem);
        return new PciFunction
        {
            Address = address,
            Vendor = vendor,
            Device = id,
            SubsystemVendor = subsystemVendor,
            SubsystemDevice = subsystem,
            ClassCode = uint.TryParse(pci.ClassCode?.Digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var code) ? code : 0,
            Driver = device.Driver,
            IommuGroup = pci.IommuGroup,
            NumaNode = device.NumaNode,
            Slot = pci.Slot,
            ResetsUntold = true,
            Children = [.. (pci.Interfaces ?? []).OfType<string>().Select(i => new ChildDevice(ChildKind.NetworkInterface, i))],
            Health = IsPassthrough(device.Driver) ? new FunctionHealth(true, 0) : null,
            Sriov = pci.Sriov is { } sriov
                ? new SriovCapability
                {
                    TotalVfs = sriov.TotalVfs,
                    NumVfs = 0,
                    Offset = sriov.Offset,
                    Stride = sriov.Stride,
                    Autoprobe = true,
                }
                : null,
        };
    }

    /// <summary>
    /// The virtual functions that a physical one has. Which they are follows from where they begin; each is taken to be alone in its group,
    /// whose number nobody tells.
    /// </summary>
    private ReportedVfs VfsOf(PciFunction pf)
    {
        var told = _status.VirtualFunctions.FirstOrDefault(v => v?.PhysicalFunction == pf.Address.ToString());
        var number = Math.Clamp(told?.Current ?? 0, 0, MostVfs - _vfs);
        if (pf.Sriov is null || told is null || number == 0)
            return new ReportedVfs(0, []);
        _vfs += number;
        var functions = ImmutableArray.CreateBuilder<PciFunction>();
        var drivers = Drivers(told.Ranges, number);
        for (var i = 0; i < number && pf.Sriov.Offset > 0; i++)
        {
            var offset = pf.Sriov.Offset + ((long)i * pf.Sriov.Stride);
            if (offset > ushort.MaxValue || pf.Address.Offset((int)offset) is not { } address)
                break;
            functions.Add(
                pf with
                {
                    Address = address,
                    Device = default,
                    Driver = drivers[i],
                    IommuGroup = pf.IommuGroup is null ? null : FirstUntoldGroup + _vfs - number + i,
                    Slot = null,
                    Children = [],
                    Sriov = null,
                    PhysicalFunction = pf.Address,
                    VfIndex = i,
                    Health = IsPassthrough(drivers[i]) ? new FunctionHealth(true, 0) : null,
                }
            );
        }

        return new ReportedVfs(number, functions.ToImmutable());
    }

    /// <summary>By index, of ranges as <c>0-3: vfio-pci</c>; null for one without a driver, and where nothing is told.</summary>
    private static string?[] Drivers(ImmutableArray<string> ranges, int number)
    {
        var drivers = new string?[number];
        foreach (var range in ranges.OfType<string>())
        {
            if (range.Split(": ", 2) is not [var indices, var driver] || driver == "no driver")
                continue;
            var ends = indices.Split('-', 2);
            if (int.TryParse(ends[0], out var first) && int.TryParse(ends[^1], out var last) && first >= 0 && last >= first)
                drivers.AsSpan()[Math.Min(first, number)..(int)Math.Min((long)last + 1, number)].Fill(driver);
        }

        return drivers;
    }

    private static ImmutableSortedDictionary<int, PciAddress> Indices(ReportedVfs vfs) =>
        vfs.Functions.ToImmutableSortedDictionary(f => f.VfIndex!.Value, f => f.Address);

    private static ImmutableSortedDictionary<int, IommuGroup> Groups(IEnumerable<PciFunction> functions) =>
        functions
            .Where(f => f.IommuGroup is not null)
            .GroupBy(f => f.IommuGroup!.Value)
            .ToImmutableSortedDictionary(g => g.Key, g => new IommuGroup(g.Key, [.. g.Select(f => f.Address).Order()], null));

    private static UsbDevice? Usb(DeviceStatus device) =>
        UsbPort.TryParse(NodeDevices.IdOf(device), out var port) && TryIds(device.Ids, out var vendor, out var product)
            ? new UsbDevice
            {
                Port = port,
                PortPath = port.ToString(),
                Vendor = vendor,
                Product = product,
                Serial = device.Usb?.Serial,
                BusNumber = 0,
                DeviceNumber = 0,
                IsHub = false,
                Controller = PciAddress.TryParse(port.Controller, out var controller) ? controller : null,
            }
            : null;

    private static ScsiDevice? Scsi(DeviceStatus device) =>
        ScsiDisk.TryParse(NodeDevices.IdOf(device), out var disk)
            ? new ScsiDevice
            {
                Id = disk,
                Address = device.Scsi?.Address ?? "?",
                GenericName = "sg?",
                Type = 0,
                Vendor = device.Scsi?.Vendor,
                Model = device.Scsi?.Model,
                Serial = device.Scsi?.Serial,
                Wwid = device.Scsi?.Wwid,
                Controller = PciAddress.TryParse(device.Scsi?.Controller, out var controller) ? controller : null,
            }
            : null;

    /// <summary>Null for one that is not made yet, too.</summary>
    private static MdevDevice? Mdev(DeviceStatus device) =>
        MdevUuid.TryParse(NodeDevices.IdOf(device), out var uuid) && device.Mdev is { Parent: { } parent } mdev
            ? new MdevDevice
            {
                Uuid = uuid,
                Parent = parent,
                TypeId = mdev.TypeId,
            }
            : null;

    /// <summary>Pods, and what is made of a device. The host's own use is not told.</summary>
    private HostUsage Usage(HostInventory inventory)
    {
        var users = new SortedDictionary<DeviceId, ImmutableArray<DeviceUser>>();

        void Add(DeviceId device, DeviceUser user) => users[device] = users.TryGetValue(device, out var others) ? others.Add(user) : [user];

        foreach (var (id, allocation) in Allocations)
        {
            var pod = allocation is { Namespace: { } space, Pod: { } name } ? PodWords(space, name) : "a pod";
            Add(id, new DeviceUser(UserKind.Pod, $"{pod} has {allocation.Id}"));
        }

        foreach (var pf in inventory.Functions.Values.Where(f => f.Sriov is { NumVfs: > 0 }))
            Add(pf.Address, new DeviceUser(UserKind.VirtualFunctions, $"it has {pf.Sriov!.NumVfs} virtual functions"));
        foreach (var parent in inventory.Mdevs.GroupBy(m => m.Parent))
        {
            if (DeviceId.TryParse(parent.Key, out var id))
                Add(id, new DeviceUser(UserKind.MediatedDevices, $"it has {parent.Count()} mediated devices"));
        }

        return new HostUsage(users.ToImmutableSortedDictionary());
    }

    /// <summary>
    /// What a policy of the node has offers of, on a driver for it, was taken for it; how it was before is not told, and decides nothing
    /// here.
    /// </summary>
    private Ownership OwnershipOf(HostInventory inventory)
    {
        var functions = _status
            .Devices.OfType<DeviceStatus>()
            .Select(d => (Device: d, Uid: TakenFor(d)))
            .Where(d => d.Uid is not null && IsPassthrough(d.Device.Driver) && !_adopted.Contains(NodeDevices.IdOf(d.Device)))
            .Select(d => (IsOne: PciAddress.TryParse(NodeDevices.IdOf(d.Device), out var address), Address: address, Uid: d.Uid!))
            .Where(d => d.IsOne)
            .Select(d => new OwnedFunction(d.Address, null, null, d.Uid));
        var managed = inventory
            .Functions.Values.Where(f => f.Sriov is { NumVfs: > 0 })
            .Select(f => (Pf: f, Uid: ManagedBy(f)))
            .Where(m => m.Uid is not null)
            .ToList();
        var vfs = managed.SelectMany(m =>
            m.Pf.Sriov!.VirtualFunctions.Values.Where(v => IsPassthrough(inventory.Functions[v].Driver))
                .Select(v => new OwnedFunction(v, null, null, m.Uid!))
        );
        var ownership = new Ownership
        {
            Functions = functions.Concat(vfs).DistinctBy(f => f.Address).ToImmutableSortedDictionary(f => (DeviceId)f.Address, f => f),
            PhysicalFunctions = managed.ToImmutableSortedDictionary(
                m => (DeviceId)m.Pf.Address,
                m => new OwnedPhysicalFunction(m.Pf.Address, 0, true, m.Uid!, SetupOpen: false)
                {
                    Asked = m.Pf.Sriov!.NumVfs,
                    Made = m.Pf.Sriov.NumVfs,
                }
            ),
            Mdevs = inventory
                .Mdevs.Where(m => m.Uuid.IsHostdevs)
                .ToImmutableSortedDictionary(m => (DeviceId)m.Uuid, m => new OwnedMdev(m.Uuid, m.Parent, m.TypeId, UidOf(m))),
        };
        return Allocations.Aggregate(
            ownership,
            (it, a) => LoanOf(inventory, a.Id, a.Allocation) is { } loan ? it with { Loans = it.Loans.SetItem(a.Id, loan) } : it
        );
    }

    private OwnedLoan? LoanOf(HostInventory inventory, DeviceId device, AllocationStatus allocation)
    {
        var lent = device switch
        {
            DeviceId.OfUsb(var port) => inventory.Usb(port)?.Identity.ToString(),
            DeviceId.OfScsi(var disk) => inventory.Scsi(disk)?.Name,
            _ => null,
        };
        return lent is null ? null : new OwnedLoan(device, lent, _uidByResource.GetValueOrDefault(allocation.Resource, ""), null);
    }

    /// <summary>The uid of the policy, empty where it is held for another device; null for what was not taken.</summary>
    private string? TakenFor(DeviceStatus device) =>
        DeviceState.Read(device.State) switch
        {
            DeviceState.Offered offered => _uidByResource.GetValueOrDefault(offered.Resource),
            DeviceState.NotOffered { Resource: { } resource } => _uidByResource.GetValueOrDefault(resource),
            DeviceState.Taken => "",
            _ => null,
        };

    private string UidOf(MdevDevice mdev)
    {
        var device = Devices(DeviceClass.Mdev).FirstOrDefault(d => NodeDevices.IdOf(d) == mdev.Uuid.ToString());
        return device is null ? "" : TakenFor(device) ?? "";
    }

    private string? ManagedBy(PciFunction pf) =>
        _given
            .OfType<DesiredPolicy.OfSriovPolicy>()
            .FirstOrDefault(p =>
                p.Spec.Management == VfManagement.Owned
                && p.Spec.PhysicalFunctions.Any(s =>
                    DeviceSelector.MatchesHardware(s, pf)
                    && (s.Interfaces.IsEmpty || pf.Children.Any(c => s.Interfaces.Contains(c.Name)))
                    && (s.Driver is null || s.Driver == pf.Driver)
                )
            )
            ?.Identity.Uid;

    /// <summary>A device that is offered by a policy that selects by driver was chosen by it, though it has another driver now.</summary>
    private IEnumerable<Planning.Sriov.Choice> ChosenByName(DesiredPolicy policy, HostInventory inventory)
    {
        if (policy is not DesiredPolicy.OfHostDevice { Spec.Devices: var devices })
            yield break;
        var selectors = devices.AllPci.SelectMany(p => p.Selectors).ToList();
        foreach (var device in Devices(DeviceClass.Pci).Where(d => TakenFor(d) == policy.Identity.Uid))
        {
            if (
                PciAddress.TryParse(NodeDevices.IdOf(device), out var address)
                && inventory.Functions.TryGetValue(address, out var function)
                && selectors.Find(s => (s.Driver ?? s.Slot) is not null && DeviceSelector.MatchesHardware(s, function)) is { } by
            )
            {
                yield return new Planning.Sriov.Choice(policy.Identity.Uid, address, function.Vendor, function.Device)
                {
                    Driver = by.Driver,
                    Slot = by.Slot,
                };
            }
        }
    }

    private static bool TryIds(string? text, out PciId vendor, out PciId device)
    {
        (vendor, device) = (default, default);
        return text?.Split(':') is [var first, var second] && PciId.TryParse(first, out vendor) && PciId.TryParse(second, out device);
    }

    /// <param name="Current">How many there are, also where it is not told which.</param>
    private sealed record ReportedVfs(int Current, ImmutableArray<PciFunction> Functions);
}
