using System.Buffers.Binary;
using System.Globalization;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// The uses of a disk on the lab's real kernel, made with the host's own programs. What is on the disk is lost, and at the end nothing is
/// on it.
/// </summary>
internal static class RealDiskUses
{
    private const string MountPoint = "/mnt/hostdev-use";
    private const string Mapping = "hostdev-use";

    public static void MakeFileSystem(string node)
    {
        Command.Run("modprobe", "ext4");
        Command.Run("mkfs.ext4", "-q", "-F", node);
    }

    public static DiskUser Use(string disk, DiskUse use)
    {
        var node = "/dev/" + disk;
        switch (use)
        {
            case DiskUse.Mount:
                Mount(node);
                return new DiskUser($"{disk} is mounted at {MountPoint}", () => Command.Run("umount", MountPoint));
            case DiskUse.MountInOtherNamespace:
                MakeFileSystem(node);
                Directory.CreateDirectory(MountPoint);
                var pod = Command.Hold($"mount {node} {MountPoint} || exit 1", "unshare", "-m");
                return new DiskUser(
                    $"{disk} is mounted at {MountPoint} in the mount namespace of process {pod.ProcessId} (sh)",
                    pod.Dispose
                );
            case DiskUse.DeviceMapper:
                Command.Run("modprobe", "dm-mod");
                Command.Run("dmsetup", "create", Mapping, "--table", $"0 {Sectors(disk)} linear {node} 0");
                return new DiskUser($"{disk} is part of dm-0 ({Mapping})", () => Command.Run("dmsetup", "remove", "--retry", Mapping));
            case DiskUse.Md:
                return UseByMd(disk, node);
            case DiskUse.Swap:
                Command.Run("mkswap", node);
                Command.Run("swapon", node);
                return new DiskUser($"{disk} is swap space", () => Command.Run("swapoff", node));
            case DiskUse.MountedPartition or DiskUse.DeviceMapperOnPartition or DiskUse.SwapOnPartition:
                WritePartitionTable(disk, partitions: 1);
                var user = Use(
                    FirstPartitionOf(disk),
                    use switch
                    {
                        DiskUse.MountedPartition => DiskUse.Mount,
                        DiskUse.SwapOnPartition => DiskUse.Swap,
                        _ => DiskUse.DeviceMapper,
                    }
                );
                return new DiskUser(user.Words, user.Dispose, () => WritePartitionTable(disk, partitions: 0));
            case DiskUse.Loop:
                Command.Run("modprobe", "loop");
                Command.Run("losetup", "/dev/loop0", node);
                return new DiskUser($"{disk} is what loop0 stands on", () => Command.Run("losetup", "-d", "/dev/loop0"));
            case DiskUse.Nameless:
                return UseWithoutName(disk, node);
            default:
                return Open(disk, node, use);
        }
    }

    /// <summary>By where it is, through its driver and not through a block node (kernel <c>drivers/target/target_core_pscsi.c</c>).</summary>
    public static DiskUser ExportScsi(string address)
    {
        const string config = "/sys/kernel/config";
        const string store = config + "/target/core/pscsi_0/hostdev-use";
        Command.Run("modprobe", "target_core_pscsi");
        if (!Directory.Exists(config + "/target"))
            Command.Run("mount", "-t", "configfs", "configfs", config);
        Command.Run("mkdir", "-p", store);
        string[] place = address.Split(':');
        File.WriteAllText(
            store + "/control",
            $"scsi_host_id={place[0]},scsi_channel_id={place[1]},scsi_target_id={place[2]},scsi_lun_id={place[3]}"
        );
        File.WriteAllText(store + "/enable", "1");
        return new DiskUser(
            $"{address} is exported by the SCSI target pscsi_0/hostdev-use",
            () => Command.Run("rmdir", store, Path.GetDirectoryName(store)!)
        );
    }

    private static DiskUser Open(string disk, string node, DiskUse use)
    {
        const string other = "/mnt/other";
        if (use == DiskUse.OpenByOtherName)
        {
            var number = File.ReadAllText($"/sys/class/block/{disk}/dev").Trim().Split(':');
            Directory.CreateDirectory("/mnt");
            Command.Run("mknod", other, "b", number[0], number[1]);
            var opener = Command.Hold($"exec 7<{other}; rm {other}");
            return new DiskUser($"{other}, which is {disk}, is open in process {opener.ProcessId} (sh)", opener.Dispose);
        }

        var opened = use == DiskUse.OpenController ? node[..^2] : node;
        var process = Command.Hold($"exec 7<{opened}");
        return new DiskUser($"{opened} is open in process {process.ProcessId} (sh)", process.Dispose);
    }

    /// <summary>Half a mirror. Stopped and wiped at the end, so that nothing assembles it again.</summary>
    private static DiskUser UseByMd(string disk, string node)
    {
        foreach (var module in (string[])["md-mod", "raid1"])
            Command.Run("modprobe", module);
        Command.Run("mdadm", "--create", "/dev/md127", "--run", "--level=1", "--raid-devices=2", "--metadata=1.2", node, "missing");
        return new DiskUser(
            $"{disk} is part of md127",
            () =>
            {
                Command.Run("mdadm", "--stop", "/dev/md127");
                Command.Run("mdadm", "--zero-superblock", node);
            }
        );
    }

    /// <summary>
    /// Unmounted while a file is open: no namespace shows the mount any more, and the disk stays claimed until the file is closed.
    /// </summary>
    private static DiskUser UseWithoutName(string disk, string node)
    {
        Mount(node);
        File.WriteAllText(MountPoint + "/file", "");
        var process = Command.Hold($"exec 7<{MountPoint}/file");
        Command.Run("umount", "-l", MountPoint);
        return new DiskUser($"{disk} is claimed in the kernel by somebody it does not name", process.Dispose);
    }

    private static void Mount(string node)
    {
        MakeFileSystem(node);
        Directory.CreateDirectory(MountPoint);
        Command.Run("mount", node, MountPoint);
    }

    private static long Sectors(string disk) =>
        long.Parse(File.ReadAllText($"/sys/class/block/{disk}/size").Trim(), CultureInfo.InvariantCulture);

    /// <summary>A DOS partition table with one Linux partition, or none.</summary>
    private static void WritePartitionTable(string disk, int partitions)
    {
        var sector = new byte[512];
        if (partitions > 0)
        {
            sector[446 + 4] = 0x83;
            BinaryPrimitives.WriteUInt32LittleEndian(sector.AsSpan(446 + 8), 2048);
            BinaryPrimitives.WriteUInt32LittleEndian(sector.AsSpan(446 + 12), (uint)Sectors(disk) - 2048);
            (sector[510], sector[511]) = (0x55, 0xaa);
        }

        using (var file = new FileStream("/dev/" + disk, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0))
        {
            file.Write(sector);
            file.Flush(flushToDisk: true);
        }

        Command.Run("blockdev", "--rereadpt", "/dev/" + disk);
        Assert.Equal(partitions > 0, Directory.Exists($"/sys/class/block/{disk}/{FirstPartitionOf(disk)}"));
    }

    private static string FirstPartitionOf(string disk) => char.IsAsciiDigit(disk[^1]) ? disk + "p1" : disk + "1";
}
