using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// <c>sriov_numvfs</c> and <c>sriov_drivers_autoprobe</c> (contracts/kernel.md, "sriov_numvfs"; kernel drivers/pci/iov.c).
/// </summary>
internal sealed class SriovVfs(KernelCore core, PciBus bus, PciBinding binding, Settings settings)
{
    public void AddAttributes(PciDevice pf)
    {
        core.Attribute(pf.Path + "/sriov_numvfs", text => Write(pf, text));
        core.Attribute(pf.Path + "/sriov_drivers_autoprobe", text => SetAutoprobe(pf, text));
    }

    /// <summary>
    /// Removes all VFs in the order of their index. A VF that is open stops it there until it is closed, with the machine's rescan lock
    /// held; those before are gone, those after are not yet. False when the machine restarted meanwhile.
    /// </summary>
    public bool RemoveAll(PciDevice pf)
    {
        if (pf.Vfs.Count == 0)
            return true;
        var blocksReaders = WillBlock(pf);
        if (blocksReaders)
            core.Tree.BlockReads(pf.Path + "/sriov_numvfs");
        var done = bus.WithRescanLock(() => RemoveEach(pf)).IsSuccess;
        if (done && blocksReaders)
            core.Tree.UnblockReads(pf.Path + "/sriov_numvfs");
        return done;
    }

    private bool RemoveEach(PciDevice pf)
    {
        foreach (var (index, vf) in pf.Vfs.ToArray())
        {
            core.Tree.Remove(string.Create(CultureInfo.InvariantCulture, $"{pf.Path}/virtfn{index}"));
            if (!bus.Take(vf))
                return false;
            pf.Vfs.Remove(index);
        }

        SetCount(pf, 0);
        settings.VfsGone(pf);
        return true;
    }

    private bool WillBlock(PciDevice pf) => bus.RescanLocked || pf.Vfs.Values.Any(vf => vf.Busy || vf.Vfio is { Holds.Count: > 0 });

    private Errno SetAutoprobe(PciDevice pf, string text)
    {
        if (KernelNumber.Truth(text) is not { } on)
            return Errno.EINVAL;
        pf.Autoprobe = on;
        core.Tree.WriteFile(pf.Path + "/sriov_drivers_autoprobe", on ? "1\n" : "0\n");
        return Errno.None;
    }

    private Errno Write(PciDevice pf, string text)
    {
        var sriov = pf.Description.Sriov!;
        if (!KernelNumber.TryUnsigned(text, out var wanted) || wanted > ushort.MaxValue)
            return Errno.EINVAL;
        if ((int)wanted > sriov.TotalVfs)
            return Errno.ERANGE;
        // sriov_numvfs_show takes the lock that the write holds.
        var blocksReaders = pf.Busy || bus.RescanLocked;
        if (blocksReaders)
            core.Tree.BlockReads(pf.Path + "/sriov_numvfs");
        try
        {
            return binding.WithLock(pf, () => Change(pf, (int)wanted));
        }
        finally
        {
            if (blocksReaders && !pf.Busy)
                core.Tree.UnblockReads(pf.Path + "/sriov_numvfs");
        }
    }

    private Errno Change(PciDevice pf, int wanted)
    {
        if (wanted == pf.NumVfs)
            return Errno.None;
        if (pf.Driver is { Kind: PciDriverKind.VendorVfio })
        {
            core.Print($"pci {pf.Address}: driver does not support SR-IOV configuration via sysfs");
            return Errno.ENOENT;
        }

        if (pf.Driver is not { Kind: PciDriverKind.Host })
        {
            core.Print($"pci {pf.Address}: no driver bound to device; cannot configure SR-IOV");
            return Errno.ENOENT;
        }

        if (wanted == 0)
            return RemoveAll(pf) ? Errno.None : Errno.EIO;
        if (pf.NumVfs > 0)
        {
            core.Print($"{pf.Driver.Name} {pf.Address}: {pf.NumVfs} VFs already enabled. Disable before enabling {wanted} VFs");
            return Errno.EBUSY;
        }

        // The driver's sriov_configure decides; the kernel warns and lets the write succeed (drivers/pci/iov.c).
        var made = core.VfsMade.TryGetValue(pf.Address, out var makes) ? makes(wanted) : wanted;
        if (made != wanted)
            core.Print($"{pf.Driver.Name} {pf.Address}: {wanted} VFs requested; only {made} enabled");
        if (made == 0)
            return Errno.None;
        return HasRoom(pf, made) ? bus.WithRescanLock(() => Create(pf, made)) : Errno.ENOMEM;
    }

    /// <summary>In the kernel's order (drivers/pci/iov.c: sriov_enable): memory space, then bus numbers.</summary>
    private bool HasRoom(PciDevice pf, int count)
    {
        var sriov = pf.Description.Sriov!;
        if (sriov.HasNoMmioSpace)
        {
            core.Print($"{pf.Driver!.Name} {pf.Address}: not enough MMIO resources for SR-IOV");
            return false;
        }

        var last = (pf.Address.RoutingId + sriov.Offset + (sriov.Stride * (count - 1))) >> 8;
        if (pf.Parent is not { Description: { IsBridge: true } port } || PciFunctionFiles.SubordinateBus(port) is var most && last <= most)
            return true;
        var range = most == pf.Address.Bus ? $"{most:x2}" : $"{pf.Address.Bus:x2}-{most:x2}";
        core.Print($"{pf.Driver!.Name} {pf.Address}: can't enable {count} VFs (bus {last:x2} out of range of [bus {range}])");
        return false;
    }

    private bool Create(PciDevice pf, int count)
    {
        for (var index = 0; index < count; index++)
        {
            var vf = new PciDevice(DescribeVf(pf, index), $"{Path.GetDirectoryName(pf.Path)}/{VfAddress(pf, index)}", pf.Parent)
            {
                PhysicalFunction = pf,
                VfIndex = index,
            };
            pf.Vfs.Add(index, vf);
            bus.Add(vf);
            core.Tree.WriteLink(string.Create(CultureInfo.InvariantCulture, $"{pf.Path}/virtfn{index}"), vf.Path);
            core.Uevents.Emit("change", vf.Path, "pci", PciFunctionFiles.Environment(vf, withDriver: true));
            binding.Attach(vf);
        }

        SetCount(pf, count);
        core.Uevents.Emit("change", pf.Path, "pci", PciFunctionFiles.Environment(pf, withDriver: true));
        return true;
    }

    private void SetCount(PciDevice pf, int count)
    {
        pf.NumVfs = count;
        core.Tree.WriteFile(pf.Path + "/sriov_numvfs", string.Create(CultureInfo.InvariantCulture, $"{count}\n"));
    }

    private static Crds.PciAddress VfAddress(PciDevice pf, int index)
    {
        var sriov = pf.Description.Sriov!;
        return pf.Address.Offset(sriov.Offset + (index * sriov.Stride))
            ?? throw new InvalidOperationException($"VF {index} of {pf.Address} lies past bus ff");
    }

    private static FunctionDescription DescribeVf(PciDevice pf, int index)
    {
        var d = pf.Description;
        var sriov = d.Sriov!;
        return new FunctionDescription
        {
            Address = VfAddress(pf, index),
            Vendor = d.Vendor,
            Device = sriov.VfDevice,
            Class = d.Class,
            SubsystemVendor = d.SubsystemVendor,
            SubsystemDevice = d.SubsystemDevice,
            Revision = d.Revision,
            HostDriver = sriov.VfDriver,
            HostDriverFails = sriov.VfDriverFails,
            NumaNode = d.NumaNode,
            ResetMethods = sriov.VfResetMethods,
            Aer = d.Aer,
            Children = sriov.VfChildren,
            // Each VF takes its share of the PF's SR-IOV resources (7-12).
            Bars =
            [
                .. d
                    .Bars.Where(bar => bar.Index is >= 7 and <= 12)
                    .Select(bar => new BarDescription(
                        bar.Index - 7,
                        bar.Start + ((ulong)index * VfSize(bar, sriov)),
                        VfSize(bar, sriov),
                        bar.Flags
                    )),
            ],
        };
    }

    private static ulong VfSize(BarDescription bar, SriovDescription sriov) =>
        bar.Size / (ulong)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)sriov.TotalVfs);
}
