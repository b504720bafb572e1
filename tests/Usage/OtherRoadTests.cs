using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Tests.Scenarios;
using Xunit;
using static Hostdev.Tests.Usage.RoadMachine;

namespace Hostdev.Tests.Usage;

/// <summary>
/// Storage that comes over an adapter which its path does not show protects that adapter: the kind of case 06-nvme-over-fc-root.
/// </summary>
public sealed class OtherRoadTests : IDisposable
{
    private const string FcAddress = "traddr=nn-0x5006016000000001:pn-0x5006016100000001,host_traddr=nn-0x200000109b000001:pn-" + PortName;

    private readonly UsageBench _bench = new(Description);

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(true, FcAddress)]
    [InlineData(false, FcAddress)]
    [InlineData(true, "traddr=nn-5006016000000001:pn-5006016100000001,host_traddr=nn-200000109b000001:pn-100000109b000001")]
    public void An_NVMe_disk_over_Fibre_Channel_is_its_port_s_and_no_other_s(bool multipath, string address)
    {
        var disk = Mounted("fc", address, multipath);
        Assert.Equal([$"{disk} is mounted at /data, which comes over {Hba} (FC port {PortName})"], _bench.Words(Hba));
        Assert.Equal(Protection.Storage, Assert.Single(_bench.Users(Hba)).Protection);
        Assert.Empty(_bench.Words(SecondHba));
        using var proof = _bench.Prove(Hba);
        Assert.Equal([$"{Hba}: {disk} is mounted at /data, which comes over {Hba} (FC port {PortName})"], proof.Users);
    }

    [Fact]
    public void A_disk_that_is_not_used_keeps_no_adapter()
    {
        _bench.Kernel.Fabrics.Connect("fc", FcAddress);
        Assert.Empty(_bench.Words(Hba));
        using var proof = _bench.Prove(Hba);
        Assert.True(proof.IsFree);
    }

    [Theory]
    [InlineData("traddr=nn-0x5006016000000001:pn-0x5006016100000001")]
    [InlineData("traddr=nn-0x5006016000000001:pn-0x5006016100000001,host_traddr=nn-0x2000000000000009:pn-0x1000000000000009")]
    [InlineData("")]
    public void Where_the_port_cannot_be_told_every_Fibre_Channel_function_is_protected(string address)
    {
        var disk = Mounted("fc", address);
        foreach (var hba in (string[])[Hba, SecondHba])
        {
            Assert.Equal([$"{disk} is mounted at /data, which may come over {hba} (nothing tells its FC port)"], _bench.Words(hba));
        }

        Assert.Empty(_bench.Words(Hca));
    }

    [Fact]
    public void A_driver_without_an_fc_host_is_a_Fibre_Channel_function_by_its_class()
    {
        _bench.Delete(_bench.Path("/sys/bus/pci/devices/" + Hba) + "/host" + HostOf(Hba) + "/fc_host");
        _bench.Delete("/sys/class/fc_host/host" + HostOf(Hba));
        Mounted("fc", FcAddress);
        Assert.Single(_bench.Words(Hba));
    }

    [Fact]
    public void What_is_with_a_VM_already_carries_nothing_of_the_host_and_can_be_given_back()
    {
        Mounted("fc", "");
        _bench.Bind(SecondHba, "vfio-pci");
        Assert.Equal("vfio-pci", _bench.Kernel.DriverOf(SecondHba));
        Assert.Empty(_bench.Words(SecondHba));
        using var proof = _bench.Prove(SecondHba);
        Assert.True(proof.IsFree);
    }

    [Fact]
    public void A_virtual_port_is_the_function_s_below_which_it_is()
    {
        var host = HostOf(SecondHba);
        var path = $"{_bench.Path("/sys/bus/pci/devices/" + SecondHba)}/host{host}/vport-{host}:0-0/host77/fc_host/host77";
        _bench.Write(path + "/port_name", "0x2000000000000077\n");
        _bench.Link("/sys/class/fc_host/host77", path);
        Mounted("fc", "traddr=nn-0x1:pn-0x2,host_traddr=nn-0x1000000000000077:pn-0x2000000000000077");
        Assert.Single(_bench.Words(SecondHba));
        Assert.Empty(_bench.Words(Hba));
    }

    [Fact]
    public void The_paths_of_one_disk_over_two_adapters_protect_both()
    {
        var disk = Mounted("fc", FcAddress);
        _bench.Kernel.Fabrics.Connect("fc", FcAddress.Replace(PortName, "0x100000109b000002", StringComparison.Ordinal));
        var second = Directory
            .GetDirectories(_bench.Kernel.Paths.Resolve("/sys/devices/virtual/nvme-fabrics/ctl"))
            .Select(System.IO.Path.GetFileName)
            .Max()!;
        _bench.Link(
            $"/sys/devices/virtual/nvme-subsystem/nvme-subsys{disk[4..^2]}/{second}",
            "/sys/devices/virtual/nvme-fabrics/ctl/" + second
        );
        Assert.Single(_bench.Words(Hba));
        Assert.Single(_bench.Words(SecondHba));
    }

    [Fact]
    public void What_is_stacked_swapped_or_open_on_such_a_disk_is_use_too()
    {
        var disk = _bench.Kernel.Fabrics.Connect("fc", FcAddress);
        _bench.Kernel.Processes.Start("dd").OpenPlain("/dev/" + disk);
        _bench.Kernel.Storage.AddHolder(disk, "dm-0", "root");
        var by = $", which comes over {Hba} (FC port {PortName})";
        Assert.Equal([$"/dev/{disk} is open in process 701 (dd){by}", $"{disk} is part of dm-0 (root){by}"], _bench.Words(Hba));
    }

    [Fact]
    public void A_mount_that_is_made_after_planning_looked_is_met_by_the_proof()
    {
        var disk = _bench.Kernel.Fabrics.Connect("fc", FcAddress);
        using var proof = _bench.Prove(Hba, new MountsAtTheDoor(_bench.Kernel.Calls, () => _bench.Kernel.Storage.MountDisk(disk, "/late")));
        Assert.Equal([$"{Hba}: {disk} is mounted at /late, which comes over {Hba} (FC port {PortName})"], proof.Users);
        Assert.Equal(Errno.None, _bench.Kernel.Storage.MountDisk(disk, "/later"));
    }

    [Fact]
    public void While_the_proof_is_held_such_a_disk_cannot_be_mounted()
    {
        var disk = _bench.Kernel.Fabrics.Connect("fc", FcAddress);
        using var proof = _bench.Prove(Hba);
        Assert.Equal(Errno.EBUSY, _bench.Kernel.Storage.MountDisk(disk, "/data"));
    }

    [Theory]
    [InlineData("rdma", "traddr=198.51.100.9,trsvcid=4420,host_traddr=192.0.2.7", "NVMe over RDMA")]
    [InlineData("rdma", "traddr=198.51.100.9,trsvcid=4420", "NVMe over RDMA")]
    [InlineData("tcp", "traddr=198.51.100.9,trsvcid=4420", "NVMe over TCP")]
    [InlineData("tcp", "traddr=203.0.113.1,trsvcid=4420,src_addr=192.0.2.7", "NVMe over TCP")]
    public void An_NVMe_disk_over_a_network_is_the_adapter_s_by_which_the_host_reaches_it(string transport, string address, string what)
    {
        var name = _bench.InterfaceOf(Hca);
        _bench.Kernel.Network.AddAddress(name, "192.0.2.7/24");
        _bench.Kernel.Network.AddRoute(name, "198.51.100.0/24");
        _bench.Kernel.Network.AddRoute(_bench.InterfaceOf(SecondHca), "default");
        var disk = Mounted(transport, address);
        Assert.Contains($"{disk} is mounted at /data, which comes over {Hca} ({what}, {name})", _bench.Words(Hca));
        Assert.DoesNotContain(_bench.Users(SecondHca), u => u.Kind == UserKind.Mount);
    }

    [Theory]
    [InlineData("host_traddr=fe80::ba:1,traddr=fe80::1%NAME")]
    [InlineData("traddr=192.0.2.1,host_iface=NAME")]
    public void An_interface_that_is_named_is_the_one_also_where_it_has_no_address_but_a_link_local_one(string address)
    {
        var name = _bench.InterfaceOf(SecondHca);
        var disk = Mounted("tcp", address.Replace("NAME", name, StringComparison.Ordinal));
        Assert.Equal([$"{disk} is mounted at /data, which comes over {SecondHca} (NVMe over TCP, {name})"], _bench.Words(SecondHca));
    }

    [Fact]
    public void A_bond_is_what_it_is_made_of()
    {
        var (first, second) = (_bench.InterfaceOf(Hca), _bench.InterfaceOf(SecondHca));
        foreach (var name in (string[])[first, second])
            _bench.Kernel.Network.AddMaster(name, "bond0");
        Mounted("tcp", "traddr=192.0.2.1,host_iface=bond0");
        foreach (var hca in (string[])[Hca, SecondHca])
            Assert.Single(_bench.Users(hca), u => u.Kind == UserKind.Mount);
    }

    [Fact]
    public void A_tmpfs_that_calls_itself_a_server_over_RDMA_uses_no_adapter()
    {
        RdmaDevice("mlx5_0", Hca);
        var name = _bench.InterfaceOf(Hca);
        _bench.Kernel.Network.AddRoute(name, "198.51.100.0/24");
        _bench.Kernel.Processes.Start("evil", "mnt:[4026532999]");
        var source = "198.51.100.9@o2ib:/work";
        _bench.Kernel.Storage.MountShare(source, "/opt", "tmpfs", "proto=rdma,trans=rdma,rdma", "mnt:[4026532999]");
        Assert.DoesNotContain(_bench.Users(Hca), u => u.Kind == UserKind.Mount);

        _bench.Kernel.Storage.MountShare(source, "/work", "lustre", "rw");
        Assert.Contains($"{source} (lustre) is mounted at /work, which comes over {Hca} (RDMA, {name})", _bench.Words(Hca));
    }

    [Fact]
    public void NFS_over_RDMA_protects_the_adapter_and_over_TCP_its_address_does()
    {
        RdmaDevice("mlx5_0", Hca);
        RdmaDevice("mlx5_1", SecondHca);
        var name = _bench.InterfaceOf(Hca);
        _bench.Kernel.Network.AddRoute(name, "198.51.100.0/24");
        _bench.Kernel.Storage.MountShare(
            "198.51.100.9:/export",
            "/vms",
            "nfs4",
            "vers=4.2,proto=rdma,clientaddr=0.0.0.0,addr=198.51.100.9"
        );
        Assert.Contains($"198.51.100.9:/export (nfs4) is mounted at /vms, which comes over {Hca} (RDMA, {name})", _bench.Words(Hca));
        Assert.Empty(_bench.Words(SecondHca));

        _bench.Kernel.Storage.Unmount("/vms");
        _bench.Kernel.Storage.MountShare(
            "198.51.100.9:/export",
            "/vms",
            "nfs4",
            "vers=4.2,proto=tcp,clientaddr=192.0.2.7,addr=198.51.100.9"
        );
        Assert.DoesNotContain(_bench.Users(Hca), u => u.Kind == UserKind.Mount);
    }

    [Fact]
    public void What_goes_by_RDMA_and_by_no_route_is_told_by_a_GID_or_protects_every_adapter()
    {
        RdmaDevice("mlx5_0", Hca);
        RdmaDevice("mlx5_1", SecondHca);
        Mounted("rdma", "traddr=192.0.2.1,host_traddr=192.0.2.7");
        foreach (var hca in (string[])[Hca, SecondHca])
        {
            Assert.EndsWith(
                $"which may come over {hca} (NVMe over RDMA; nothing tells the port)",
                Assert.Single(_bench.Words(hca)),
                StringComparison.Ordinal
            );
        }

        _bench.Write(_bench.Path("/sys/class/infiniband/mlx5_1") + "/ports/1/gids/3", "0000:0000:0000:0000:0000:ffff:c000:0207\n");
        Assert.Empty(_bench.Words(Hca));
        Assert.EndsWith(
            $"which comes over {SecondHca} (NVMe over RDMA, mlx5_1)",
            Assert.Single(_bench.Words(SecondHca)),
            StringComparison.Ordinal
        );
    }

    private string Mounted(string transport, string address, bool multipath = true)
    {
        var disk = _bench.Kernel.Fabrics.Connect(transport, address, multipath);
        Assert.Equal(Errno.None, _bench.Kernel.Storage.MountDisk(disk, "/data"));
        return disk;
    }

    private void RdmaDevice(string name, string function)
    {
        var path = $"{_bench.Path("/sys/bus/pci/devices/" + function)}/infiniband/{name}";
        _bench.Write(path + "/node_type", "1: CA\n");
        _bench.Link("/sys/class/infiniband/" + name, path);
    }

    private string HostOf(string address) =>
        System.IO.Path.GetFileName(
            Directory.GetDirectories(_bench.Kernel.Paths.Resolve("/sys/bus/pci/devices/" + address), "host*").Single()
        )["host".Length..];

    /// <summary>An admin who mounts a disk just before it is opened to prove that nobody has it.</summary>
    private sealed class MountsAtTheDoor(IHostCalls kernel, Action mount) : DecoratedCalls(kernel)
    {
        public override OpenResult Open(string path, OpenIntent intent)
        {
            if (intent == OpenIntent.WholeDisk)
                mount();
            return base.Open(path, intent);
        }
    }
}
