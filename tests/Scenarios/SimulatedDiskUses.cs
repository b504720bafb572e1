using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>The uses of a disk on the simulated kernel, in the words of the same uses on the real one.</summary>
internal sealed class SimulatedDiskUses(SimulatedKernel kernel)
{
    private const string MountPoint = "/mnt/hostdev-use";
    private readonly SimulatedStorage _storage = kernel.Storage;

    public DiskUser Use(string disk, DiskUse use)
    {
        switch (use)
        {
            case DiskUse.Mount:
                Done(_storage.MountDisk(disk, MountPoint).Name);
                return new DiskUser($"{disk} is mounted at {MountPoint}", () => _storage.Unmount(MountPoint));
            case DiskUse.MountInOtherNamespace:
                var pod = kernel.Processes.Start("sh", "mnt:[4026532999]");
                Done(_storage.MountDisk(disk, MountPoint, mountNamespace: "mnt:[4026532999]").Name);
                return new DiskUser(
                    $"{disk} is mounted at {MountPoint} in the mount namespace of process {pod.Pid} (sh)",
                    pod.Exit,
                    () => _storage.Unmount(MountPoint)
                );
            case DiskUse.DeviceMapper:
                Done(_storage.AddHolder(disk, "dm-0", "hostdev-use").Name);
                return new DiskUser($"{disk} is part of dm-0 (hostdev-use)", () => _storage.RemoveHolder(disk, "dm-0"));
            case DiskUse.Md:
                Done(_storage.AddHolder(disk, "md127").Name);
                return new DiskUser($"{disk} is part of md127", () => _storage.RemoveHolder(disk, "md127"));
            case DiskUse.Swap:
                Done(_storage.SwapOn(disk).Name);
                return new DiskUser($"{disk} is swap space", () => _storage.SwapOff(disk));
            case DiskUse.MountedPartition or DiskUse.DeviceMapperOnPartition or DiskUse.SwapOnPartition:
                var partition = _storage.AddPartition(disk, 1);
                var user = Use(
                    partition,
                    use switch
                    {
                        DiskUse.MountedPartition => DiskUse.Mount,
                        DiskUse.SwapOnPartition => DiskUse.Swap,
                        _ => DiskUse.DeviceMapper,
                    }
                );
                return new DiskUser(user.Words, user.Dispose, () => _storage.RemovePartition(partition));
            case DiskUse.Loop:
                var loop = _storage.AttachLoop(disk);
                return new DiskUser($"{disk} is what {loop} stands on", () => _storage.DetachLoop(loop));
            case DiskUse.Nameless:
                Done(_storage.Claim(disk).Name);
                return new DiskUser($"{disk} is claimed in the kernel by somebody it does not name", () => _storage.Unclaim(disk));
            default:
                return Open(disk, use);
        }
    }

    public static DiskUser ExportScsi(SimulatedKernel kernel, string address)
    {
        kernel.Storage.ExportScsi(address, "hostdev-use");
        return new DiskUser(
            $"{address} is exported by the SCSI target pscsi_0/hostdev-use",
            () => kernel.Storage.WithdrawScsi("hostdev-use")
        );
    }

    private DiskUser Open(string disk, DiskUse use)
    {
        const string other = "/mnt/other";
        var process = kernel.Processes.Start("sh");
        switch (use)
        {
            case DiskUse.OpenByOtherName:
                _storage.MakeNode(disk, other);
                process.OpenPlain(other);
                _storage.RemoveNode(other);
                return new DiskUser($"{other}, which is {disk}, is open in process {process.Pid} (sh)", process.Exit);
            case DiskUse.OpenController:
                process.OpenPlain($"/dev/{disk[..^2]}");
                return new DiskUser($"/dev/{disk[..^2]} is open in process {process.Pid} (sh)", process.Exit);
            default:
                process.OpenPlain($"/dev/{disk}");
                return new DiskUser($"/dev/{disk} is open in process {process.Pid} (sh)", process.Exit);
        }
    }

    private static void Done(string result) => Assert.Equal("success", result);
}
