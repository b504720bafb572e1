using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Inventory;

/// <summary>Who a SCSI device is, by its files.</summary>
public sealed class ScsiNamesTests : IDisposable
{
    private const string Disk = "/sys/bus/scsi/devices/0:0:0:0";
    private readonly SimulatedKernel _kernel = new(LabMachine.Description);

    public void Dispose() => _kernel.Dispose();

    [Fact]
    public void A_node_s_directory_that_is_called_as_its_device_is_the_device_s_and_no_other_device()
    {
        var files = new HostFileReader(_kernel.Paths);
        var path = files.ResolveLink(Disk)!;
        Assert.True(files.Exists(path + "/bsg/0:0:0:0"));
        var names = new DeviceNames(files);
        Assert.Equal(names.On(path), names.On(path + "/bsg/0:0:0:0"));
        Assert.Null(names.ScsiAt(path + "/bsg/0:0:0:0"));
    }

    [Fact]
    public void A_wwid_that_cannot_be_read_leaves_a_device_in_doubt_and_one_that_is_not_there_does_not()
    {
        Assert.All(Read(), d => Assert.Empty(d.Unreadable));
        Directory.CreateDirectory(_kernel.Paths.Resolve(Disk + "/wwid"));
        var problem = Assert.Single(Read().Single(d => d.Address == "0:0:0:0").Unreadable);
        Assert.EndsWith("/0:0:0:0/wwid", problem.Path, StringComparison.Ordinal);
    }

    [Fact]
    public void What_has_no_name_is_another_device_when_it_came_anew_and_what_has_one_is_not()
    {
        var before = Read();
        foreach (var address in (string[])["0:0:0:0", "0:0:1:0"])
            _kernel.Calls.WriteAttribute($"/sys/bus/scsi/devices/{address}/delete", "1");
        _kernel.Calls.WriteAttribute("/sys/class/scsi_host/host0/scan", "- - -");
        var after = Read();
        Assert.Equal(IdAt(before, "0:0:0:0"), IdAt(after, "0:0:0:0"));
        Assert.NotEqual(IdAt(before, "0:0:1:0"), IdAt(after, "0:0:1:0"));
        Assert.Equal(IdAt(after, "0:0:1:0"), IdAt(Read(), "0:0:1:0"));
    }

    private IReadOnlyList<Hostdev.Planning.Inventory.ScsiDevice> Read() =>
        new InventoryReader(_kernel.Paths, TimeProvider.System).Read().ScsiDevices;

    private static ScsiDisk IdAt(IReadOnlyList<Hostdev.Planning.Inventory.ScsiDevice> devices, string address) =>
        devices.Single(d => d.Address == address).Id;
}
