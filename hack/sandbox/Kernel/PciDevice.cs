using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;

namespace Hostdev.Sandbox.Kernel;

/// <summary>A PCI function as it is now.</summary>
internal sealed class PciDevice(FunctionDescription description, string path, PciDevice? parent)
{
    public FunctionDescription Description { get; } = description;

    public PciAddress Address => Description.Address;

    /// <summary>Canonical, for example <c>/sys/devices/pci0000:40/0000:40:00.0/0000:41:00.0</c>.</summary>
    public string Path { get; } = path;

    /// <summary>The bridge above, or the controller whose domain it is in; null on a root bus.</summary>
    public PciDevice? Parent { get; } = parent;

    public PciDriverDescription? Driver { get; set; }

    public string? Override { get; set; }

    public IommuGroupModel? Group { get; set; }

    public VfioDevice? Vfio { get; set; }

    /// <summary>Its lock is held by a write: others on the same device wait.</summary>
    public bool Busy { get; set; }

    public bool Gone { get; set; }

    /// <summary>What <c>aer_dev_correctable</c>, <c>aer_dev_nonfatal</c> and <c>aer_dev_fatal</c> count, in this order.</summary>
    public long[] Errors { get; } = new long[3];

    /// <summary>What a root port has received, of all that is below it and of itself, in the same order.</summary>
    public long[] ReceivedErrors { get; } = new long[3];

    /// <summary>How often it was reset through sysfs.</summary>
    public int Resets { get; set; }

    public PciDevice? PhysicalFunction { get; init; }

    /// <summary>Interrupt vectors that were written to <c>sriov_vf_msix_count</c>.</summary>
    public int Vectors { get; set; }

    public int VfIndex { get; init; }

    /// <summary>What its physical function's interface has for it; null for what a new one has.</summary>
    public ImmutableDictionary<string, string>? Network { get; set; }

    public bool Autoprobe { get; set; } = true;

    /// <summary>The number that <c>sriov_numvfs</c> prints.</summary>
    public int NumVfs { get; set; }

    /// <summary>By index; an entry goes when its VF goes.</summary>
    public SortedDictionary<int, PciDevice> Vfs { get; } = [];

    /// <summary>Whether its driver lets it go: a removal waits until then.</summary>
    public Func<bool> MayGo { get; set; } = () => true;

    /// <summary>What the bound driver has made below; undone newest first.</summary>
    public Stack<Action> Undo { get; } = new();

    public string Modalias
    {
        get
        {
            var d = Description;
            var (sv, sd) = ((uint)d.SubsystemVendor.Value, (uint)d.SubsystemDevice.Value);
            return string.Create(
                CultureInfo.InvariantCulture,
                $"pci:v{(uint)d.Vendor.Value:X8}d{(uint)d.Device.Value:X8}sv{sv:X8}sd{sd:X8}"
                    + $"bc{d.Class >> 16:X2}sc{(d.Class >> 8) & 0xff:X2}i{d.Class & 0xff:X2}"
            );
        }
    }
}

/// <summary>An IOMMU group as it is now.</summary>
internal sealed class IommuGroupModel(int number)
{
    public int Number { get; } = number;

    public List<PciDevice> Members { get; } = [];

    /// <summary>Lines of <c>reserved_regions</c>.</summary>
    public List<string> ReservedRegions { get; } = ["0x00000000fee00000 0x00000000feefffff msi"];

    /// <summary>The firmware wants memory mapped one to one for good: nobody can take the group's DMA.</summary>
    public bool IsDirect => ReservedRegions.Exists(line => line.EndsWith(" direct", StringComparison.Ordinal));

    /// <summary>Exists while a member is on a vfio driver.</summary>
    public VfioGroup? Vfio { get; set; }

    /// <summary>A container or iommufd has the group's DMA: no host driver may take a member.</summary>
    public int DmaOwners { get; set; }

    /// <summary>Members that are no PCI functions have drivers that use their DMA.</summary>
    public bool HasOtherUsers { get; set; }

    /// <summary>Every member is without driver or on one that leaves DMA alone (contracts/kernel.md, "Group viability").</summary>
    public bool IsViable => !HasOtherUsers && Members.TrueForAll(member => member.Driver is null or { Kind: not PciDriverKind.Host });
}
