using System.Collections.Immutable;
using Hostdev.Crds.Kinds;

namespace Hostdev.Crds.Parsing;

/// <summary>What a HostDevice must keep beyond its fields' types. Every problem is reported, each naming the field and the fix.</summary>
public static class HostDeviceValidator
{
    public static ImmutableArray<string> Problems(HostDeviceSpec spec)
    {
        var problems = ImmutableArray.CreateBuilder<string>();
        SelectorRules.DeviceFile(spec.DeviceFile, problems);
        var given = new[] { spec.Devices.Pci is not null, spec.Devices.Usb is not null, spec.Devices.Scsi is not null }.Count(g => g);
        if (given != 1) problems.Add($"spec.devices holds {given} of pci, usb and scsi: give exactly one");
        if (spec.Devices.Pci is { } pci) Pci(spec, pci, problems);
        if (spec.Devices.Usb is { } usb) SelectorRules.NotEmpty(usb.Selectors, "spec.devices.usb.selectors", s => s == new UsbSelector(), problems);
        if (spec.Devices.Scsi is { } scsi) SelectorRules.NotEmpty(scsi.Selectors, "spec.devices.scsi.selectors", s => s == new ScsiSelector(), problems);
        if (spec.AllowProtected.Length > 0 && (spec.Devices.Pci is null || spec.Devices.Pci.Selectors.Any(s => s.Addresses.IsEmpty)))
        {
            problems.Add("spec.allowProtected overrides the host's own need of a device and is only legal when every selector lists addresses: add addresses, or remove allowProtected");
        }

        return problems.ToImmutable();
    }

    private static void Pci(HostDeviceSpec spec, PciDevices pci, ImmutableArray<string>.Builder problems)
    {
        SelectorRules.Pci(pci.Selectors, "spec.devices.pci.selectors", required: true, problems);
        SelectorRules.Driver(pci.Driver, "spec.devices.pci.driver", problems);
        if (pci.Driver.Type == DriverType.Native) problems.Add("spec.devices.pci.driver.type Native leaves the device to the host: use Vfio, Auto or Named");
        for (var i = 0; i < pci.Members.Length; i++)
        {
            var member = pci.Members[i];
            var ways = (member.Function is null ? 0 : 1) + (member.Address is null ? 0 : 1) + (member.Vendor is null && member.Device is null ? 0 : 1);
            if (ways != 1) problems.Add($"spec.devices.pci.members[{i}] names its function in {ways} ways: give exactly one of function, address, or vendor with device");
            if (member.Vendor is null != member.Device is null) problems.Add($"spec.devices.pci.members[{i}] needs vendor and device together");
            if (member.Function is < 0 or > 7) problems.Add($"spec.devices.pci.members[{i}].function is {member.Function}: a slot has functions 0 to 7");
        }

        if (pci.GroupPolicy != GroupPolicy.Explicit && pci.Members.Length > 0)
        {
            problems.Add("spec.devices.pci.members has no meaning with groupPolicy HoldSiblings or AssignSiblings: remove one of the two");
        }
    }
}

/// <summary>What a SriovPolicy must keep beyond its fields' types.</summary>
public static class SriovPolicyValidator
{
    public static ImmutableArray<string> Problems(SriovPolicySpec spec)
    {
        var problems = ImmutableArray.CreateBuilder<string>();
        SelectorRules.DeviceFile(spec.DeviceFile, problems);
        SelectorRules.NotEmpty(spec.PhysicalFunctions, "spec.physicalFunctions", IsEmpty, problems);
        if (spec.Management == VfManagement.Owned && spec.NumVfs is null) problems.Add("spec.numVfs is required with management Owned: say how many virtual functions each physical function gets");
        if (spec.Management == VfManagement.External && spec.NumVfs is not null) problems.Add("spec.numVfs has no meaning with management External: remove it, or set management to Owned");
        if (spec.NumVfs < 0) problems.Add($"spec.numVfs is {spec.NumVfs}: use 0 or more");
        Pools(spec, problems);
        if (spec.AllowProtected.Length > 0 && spec.PhysicalFunctions.Any(s => s.Addresses.IsEmpty))
        {
            problems.Add("spec.allowProtected is only legal when every entry of physicalFunctions lists addresses: add addresses, or remove allowProtected");
        }

        return problems.ToImmutable();
    }

    private static bool IsEmpty(PfSelector s) => s.Vendor is null && s.Device is null && s.Driver is null && s.Addresses.IsEmpty && s.Interfaces.IsEmpty;

    private static void Pools(SriovPolicySpec spec, ImmutableArray<string>.Builder problems)
    {
        var taken = new List<(VfRange Range, string Pool)>();
        foreach (var pool in spec.Pools)
        {
            var at = $"spec.pools[{pool.Name}]";
            if (spec.Pools.Count(p => p.Name == pool.Name) > 1) problems.Add($"{at} stands there twice: give each pool a name of its own");
            if (pool.Vfs.IsEmpty) problems.Add($"{at}.vfs is empty: list ranges such as {{first: 0, last: 3}}");
            SelectorRules.Driver(pool.Driver, $"{at}.driver", problems);
            if (pool.Driver.Type == DriverType.Native && pool.ResourceName is not null) problems.Add($"{at}.resourceName offers functions that the driver Native leaves to the host: remove resourceName, or use driver type Vfio");
            if (pool.Driver.Type != DriverType.Native && pool.ResourceName is null) problems.Add($"{at}.resourceName is required: without a name nobody can ask for these functions");
            foreach (var range in pool.Vfs)
            {
                if (range.First < 0 || range.Last < range.First) problems.Add($"{at}.vfs has the range {range.First} to {range.Last}: first must be 0 or more, last not below first");
                else if (spec.NumVfs is { } count && range.Last >= count) problems.Add($"{at}.vfs reaches to VF {range.Last} but numVfs is {count}: VFs are counted from 0 to {count - 1}");
                foreach (var other in taken.Where(t => t.Range.Overlaps(range))) problems.Add($"{at}.vfs {range} overlaps {other.Range} of pool {other.Pool}: a VF is in one pool");
                taken.Add((range, pool.Name));
            }
        }
    }
}

/// <summary>What an MdevProfile must keep beyond its fields' types.</summary>
public static class MdevProfileValidator
{
    public static ImmutableArray<string> Problems(MdevProfileSpec spec)
    {
        var problems = ImmutableArray.CreateBuilder<string>();
        SelectorRules.DeviceFile(spec.DeviceFile, problems);
        if (spec.TypeId is null == spec.TypeName is null) problems.Add("spec names its type by typeId or by typeName: give exactly one");
        SelectorRules.Pci(spec.Parents.Selectors, "spec.parents.selectors", required: spec.Parents.Names.IsEmpty, problems);
        if (spec.Instances.Mode == MdevMode.Static && spec.Instances.Count is not >= 0) problems.Add("spec.instances.count is required with mode Static, 0 or more per parent");
        if (spec.Instances.Mode == MdevMode.OnDemand && spec.Instances.Max is not > 0) problems.Add("spec.instances.max is required with mode OnDemand, 1 or more per parent");
        foreach (var name in spec.Attributes.Keys.Where(n => n.Contains('/', StringComparison.Ordinal) || n.StartsWith('.')))
        {
            problems.Add($"spec.attributes has the name \"{name}\": use the plain name of a file of the mdev");
        }

        return problems.ToImmutable();
    }
}

internal static class SelectorRules
{
    public static void DeviceFile(DeviceFile? file, ImmutableArray<string>.Builder problems)
    {
        if (file is { Uid: < 0 }) problems.Add($"spec.deviceFile.uid is {file.Uid}: user IDs are 0 or more; KubeVirt's qemu is 107");
        if (file is { Gid: < 0 }) problems.Add($"spec.deviceFile.gid is {file.Gid}: group IDs are 0 or more; KubeVirt's qemu is 107");
    }

    public static void NotEmpty<T>(ImmutableArray<T> selectors, string at, Func<T, bool> isEmpty, ImmutableArray<string>.Builder problems)
    {
        if (selectors.IsEmpty) problems.Add($"{at} is empty: an empty list selects nothing; give at least one selector");
        for (var i = 0; i < selectors.Length; i++)
        {
            if (isEmpty(selectors[i])) problems.Add($"{at}[{i}] has no property: it would select every device; give at least one");
        }
    }

    public static void Pci(ImmutableArray<PciSelector> selectors, string at, bool required, ImmutableArray<string>.Builder problems)
    {
        if (required || selectors.Length > 0)
        {
            NotEmpty(selectors, at, s => s.Addresses.IsEmpty && s is { Vendor: null, Device: null, SubsystemVendor: null, SubsystemDevice: null, Class: null, Slot: null, Driver: null }, problems);
        }
    }

    public static void Driver(DriverChoice driver, string at, ImmutableArray<string>.Builder problems)
    {
        if (driver.Type == DriverType.Named && string.IsNullOrEmpty(driver.Name)) problems.Add($"{at}.name is required with type Named: name a driver of /sys/bus/pci/drivers");
        if (driver.Type != DriverType.Named && driver.Name is not null) problems.Add($"{at}.name has no meaning with type {driver.Type}: remove it, or use type Named");
        if (driver.Name == "pci-stub") problems.Add($"{at}.name is pci-stub, which gives a VM nothing: name vfio-pci or a vfio variant driver");
        if (driver.Name is { } name && (name.Contains('/', StringComparison.Ordinal) || name.Length > 64 || name is "(null)")) problems.Add($"{at}.name is \"{name}\": name a driver of /sys/bus/pci/drivers");
    }
}
