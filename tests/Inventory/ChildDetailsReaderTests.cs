using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Inventory.Rendering;
using Hostdev.Planning.Inventory;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Inventory;

/// <summary>What tells people one disk or interface from another, as sysfs has it.</summary>
public sealed class ChildDetailsReaderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hd").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Disks_have_their_size_model_and_serial_and_interfaces_their_address()
    {
        Write("/sys/class/block/nvme0n1/size", "7501476528\n");
        Write("/sys/class/block/nvme0n1/device/model", "SAMSUNG MZQL23T8HCLS-00A07              \n");
        Write("/sys/class/block/nvme0n1/device/serial", "S64HNE0R600000\n");
        Write("/sys/class/block/vda/size", "2048\n");
        Write("/sys/class/block/vda/serial", "LABVIRT0");
        Write("/sys/class/net/eth0/address", "00:15:17:00:00:20\n");
        var details = Read(
            new ChildDevice(ChildKind.Disk, "nvme0n1", "/dev/nvme0n1"),
            new ChildDevice(ChildKind.Disk, "vda", "/dev/vda"),
            new ChildDevice(ChildKind.NetworkInterface, "eth0"),
            new ChildDevice(ChildKind.CharacterDevice, "card0", "/dev/dri/card0")
        );
        Assert.Equal(["eth0", "nvme0n1", "vda"], details.Keys);
        Assert.Equal("3.5 TiB SAMSUNG MZQL23T8HCLS-00A07 S64HNE0R600000", details["nvme0n1"].InWords);
        Assert.Equal("1 MiB LABVIRT0", details["vda"].InWords);
        Assert.Equal(new ChildDetails(Mac: "00:15:17:00:00:20"), details["eth0"]);
    }

    /// <summary>A card without a medium, a file that says nothing, and one that is gone: there is nothing to tell then.</summary>
    [Fact]
    public void What_cannot_be_read_or_says_nothing_is_left_out()
    {
        Write("/sys/class/block/sda/size", "many\n");
        Write("/sys/class/block/sda/device/model", "   \n");
        Write("/sys/class/net/eth0/address", "\n");
        Assert.Empty(
            Read(
                new ChildDevice(ChildKind.Disk, "sda", "/dev/sda"),
                new ChildDevice(ChildKind.Disk, "sdb", "/dev/sdb"),
                new ChildDevice(ChildKind.NetworkInterface, "eth0")
            )
        );
    }

    private IReadOnlyDictionary<string, ChildDetails> Read(params ChildDevice[] children) =>
        new ChildDetailsReader(new HostPaths(_root)).Read(
            new Machine().Gpu().Change("0000:43:00.0", f => f with { Children = [.. children] })
        );

    private void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root + path)!);
        File.WriteAllText(_root + path, text);
    }
}
