using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Tests.Planning;

/// <summary>
/// Builds the inventory of a machine, function by function. By default an x86 host with everything that passthrough needs.
/// </summary>
internal sealed class Machine
{
    private readonly SortedDictionary<PciAddress, PciFunction> _functions = [];
    private HostFacts _facts = new()
    {
        KernelRelease = "6.12.0",
        BootId = "boot-1",
        Architecture = "x86_64",
        IommuEnabled = true,
        InterruptRemapping = InterruptRemapping.Yes,
        UnsafeInterruptsAllowed = false,
        KernelArguments = ["intel_iommu=on"],
        PassthroughDrivers = ["mlx5_vfio_pci", "pci-stub", "vfio-pci"],
        Iommufd = true,
    };

    public static implicit operator HostInventory(Machine machine) => machine.Build();

    public Machine Facts(Func<HostFacts, HostFacts> change)
    {
        _facts = change(_facts);
        return this;
    }

    public Machine Function(
        string address,
        int? group,
        string? driver = null,
        string ids = "10de:2204",
        uint classCode = 0x030000,
        bool flr = false,
        Func<PciFunction, PciFunction>? with = null
    )
    {
        var function = new PciFunction
        {
            Address = PciAddress.Parse(address),
            Vendor = PciId.Parse(ids.Split(':')[0]),
            Device = PciId.Parse(ids.Split(':')[1]),
            SubsystemVendor = default,
            SubsystemDevice = default,
            ClassCode = classCode,
            Driver = driver,
            IommuGroup = group,
            ResetMethods = flr ? ["flr", "bus"] : ["bus"],
        };
        _functions[function.Address] = with is null ? function : with(function);
        return this;
    }

    public Machine Gpu(string address = "0000:43:00.0", int group = 12, string? driver = "nouveau", bool flr = false) =>
        Function(address, group, driver, flr: flr);

    public Machine Audio(string address = "0000:43:00.1", int group = 12, string? driver = "snd_hda_intel") =>
        Function(address, group, driver, "10de:1aef", 0x040300);

    public Machine Bridge(string address, int group, string? driver = "pcieport") =>
        Function(address, group, driver, "8086:2030", 0x060400);

    /// <summary>
    /// A physical function like igb's: the first VF 128 routing IDs on, then every second. Each VF in a group of its own from 100 on,
    /// unless told.
    /// </summary>
    public Machine PhysicalFunction(
        string address = "0000:41:00.0",
        int group = 20,
        int total = 8,
        int vfs = 0,
        bool autoprobe = true,
        string? driver = "igb",
        string? vfDriver = null,
        int? vfGroup = null,
        int? numVfs = null
    )
    {
        Function(
            address,
            group,
            driver,
            "8086:10c9",
            0x020000,
            with: f =>
                f with
                {
                    Sriov = new SriovCapability
                    {
                        TotalVfs = total,
                        NumVfs = numVfs ?? vfs,
                        Offset = 128,
                        Stride = 2,
                        Autoprobe = autoprobe,
                    },
                }
        );
        var pf = _functions[PciAddress.Parse(address)];
        for (var i = 0; i < vfs; i++)
        {
            var vf = VirtualFunction(pf, i, vfGroup ?? 100 + (pf.Address.Bus << 4) + i, vfDriver);
            _functions[vf.Address] = vf;
            pf = pf with { Sriov = pf.Sriov! with { VirtualFunctions = pf.Sriov.VirtualFunctions.Add(i, vf.Address) } };
        }

        _functions[pf.Address] = pf;
        return this;
    }

    /// <summary>Changes one function that is there.</summary>
    public Machine Change(string address, Func<PciFunction, PciFunction> change)
    {
        var key = PciAddress.Parse(address);
        _functions[key] = change(_functions[key]);
        return this;
    }

    public HostInventory Build() => Inventory(_facts, _functions.Values);

    public static HostInventory Inventory(HostFacts facts, IEnumerable<PciFunction> functions)
    {
        var all = functions.ToImmutableSortedDictionary(f => f.Address, f => f);
        return new HostInventory
        {
            Facts = facts,
            Functions = all,
            Groups = all
                .Values.Where(f => f.IommuGroup is not null)
                .GroupBy(f => f.IommuGroup!.Value)
                .ToImmutableSortedDictionary(g => g.Key, g => new IommuGroup(g.Key, [.. g.Select(f => f.Address).Order()], "DMA")),
            UsbDevices = [],
            ScsiDevices = [],
            MdevParents = [],
            Mdevs = [],
            Problems = [],
        };
    }

    public static PciFunction VirtualFunction(PciFunction pf, int index, int group, string? driver) =>
        pf with
        {
            Address = pf.Address.Offset(pf.Sriov!.Offset + index * pf.Sriov.Stride)!.Value,
            Device = PciId.Parse("10ca"),
            Driver = driver,
            DriverOverride = null,
            IommuGroup = group,
            PhysicalFunction = pf.Address,
            VfIndex = index,
            Sriov = null,
            ResetMethods = ["flr"],
            Children = [],
        };
}
