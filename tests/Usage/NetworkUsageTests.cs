using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Usage;

/// <summary>From what the kernel says of the network to who uses a function, in words.</summary>
public sealed class NetworkUsageTests : IDisposable
{
    private const string Nic = "0000:86:00.0"; // eth2

    private readonly SimulatedKernel _kernel = new(LabMachine.Description);

    public void Dispose() => _kernel.Dispose();

    [Fact]
    public void An_interface_that_nothing_is_configured_on_is_free() =>
        Assert.Empty(UsersOf(new NetworkState { Links = [new("eth2"), new("eth3")], Addresses = [new("eth3", "192.0.2.7/24", false)] }));

    [Fact]
    public void What_it_has_for_being_up_does_not_count_and_the_same_made_by_somebody_does()
    {
        Assert.Empty(
            UsersOf(
                new NetworkState
                {
                    Addresses = [new("eth2", "fe80::1/64", true), new("eth2", "169.254.3.4/16", true)],
                    Routes =
                    [
                        new("eth2", "fe80::/64", 254, true, true),
                        new("eth2", "ff00::/8", 255, true, true),
                        new("eth2", "169.254.0.0/16", 254, true, true),
                    ],
                }
            )
        );
        Assert.Equal(
            ["eth2 routes 169.254.169.254/32"],
            UsersOf(new NetworkState { Routes = [new("eth2", "169.254.169.254/32", 254, false, true)] })
        );
    }

    [Fact]
    public void The_kernel_s_own_routes_to_an_address_are_said_only_where_no_address_is()
    {
        var route = new InterfaceRoute("eth2", "192.0.2.0/24", 254, ByKernel: true, LinkLocal: false);
        Assert.Equal(["eth2 routes 192.0.2.0/24"], UsersOf(new NetworkState { Routes = [route] }));
        Assert.Equal(
            ["eth2 has the address 192.0.2.7/24"],
            UsersOf(new NetworkState { Addresses = [new("eth2", "192.0.2.7/24", false)], Routes = [route] })
        );
    }

    [Fact]
    public void Of_many_the_first_few_are_named() =>
        Assert.Equal(
            [
                "eth2 has the addresses 192.0.2.1/24, 192.0.2.2/24, 192.0.2.3/24 and 6 more",
                "eth2 carries v1 (vlan)",
                "eth2 carries v2 (vlan)",
                "eth2 carries v3 (vlan)",
                "eth2 carries 2 more",
            ],
            UsersOf(
                new NetworkState
                {
                    Links = [new("eth2"), .. Enumerable.Range(1, 5).Select(i => new NetworkLink($"v{i}", "vlan", null, "eth2"))],
                    Addresses = [.. Enumerable.Range(1, 9).Select(i => new InterfaceAddress("eth2", $"192.0.2.{i}/24", false))],
                }
            )
        );

    [Fact]
    public void What_is_above_is_followed_to_the_top() =>
        Assert.Equal(
            [
                "eth2 is part of bond0 (bond), which is part of br0 (bridge), which has the address 192.0.2.7/24 and "
                    + "carries mv0 (macvlan) in the network namespace of process 812 (nginx)",
            ],
            UsersOf(
                new NetworkState
                {
                    Links = [new("eth2", null, "bond0"), new("bond0", "bond", "br0"), new("br0", "bridge")],
                    Addresses = [new("br0", "192.0.2.7/24", false)],
                    Elsewhere = [new("mv0", "macvlan", null, "br0", "of process 812 (nginx)")],
                }
            )
        );

    [Fact]
    public void A_circle_comes_to_an_end() =>
        Assert.Equal(
            ["eth2 is part of veth0 (veth), which carries veth1 (veth), which carries veth0 (veth)"],
            UsersOf(
                new NetworkState
                {
                    Links = [new("eth2", null, "veth0"), new("veth0", "veth", null, "veth1"), new("veth1", "veth", null, "veth0")],
                }
            )
        );

    [Fact]
    public void What_only_sysfs_shows_above_protects_too()
    {
        _kernel.Network.AddMaster("eth2", "hsr0", "hsr");
        Assert.Equal(["eth2 is part of hsr0 (hsr)"], UsersOf(new NetworkState { Links = [new("eth2"), new("hsr0", "hsr")] }));
    }

    [Fact]
    public void An_interface_elsewhere_is_its_function_s_also_through_virtio_or_USB()
    {
        var path = _kernel.Paths.Resolve($"/sys/bus/pci/devices/{Nic}");
        Directory.CreateDirectory(_kernel.Paths.Resolve("/sys/bus/virtio/devices"));
        Directory.CreateSymbolicLink(
            _kernel.Paths.Resolve("/sys/bus/virtio/devices/virtio9"),
            Path.GetRelativePath(_kernel.Paths.Resolve("/sys/bus/virtio/devices"), Path.Combine(Real(path), "virtio9"))
        );
        Assert.Equal(
            ["its interface eth7 is in the network namespace \"blue\""],
            UsersOf(
                new NetworkState
                {
                    Elsewhere =
                    [
                        new("eth7", null, "virtio/virtio9", null, "\"blue\""),
                        new("eth8", null, "pci/0000:45:00.0", null, "\"red\""),
                        new("eth9", null, "virtio/virtio404", null, "\"red\""),
                    ],
                }
            )
        );
    }

    [Fact]
    public void An_interface_that_is_nowhere_to_be_found_is_in_another_namespace()
    {
        _kernel.Network.MoveAway("eth2", _kernel.Processes.Start("sleep"));
        Assert.Equal(["its network interface is in another network namespace"], UsersOf(NetworkState.Empty));
    }

    [Fact]
    public void A_failed_reading_makes_every_interface_used_and_says_why()
    {
        var user = Assert.Single(Users(new NetworkReading.Failed("opening a netlink socket gave EPERM")));
        Assert.Equal("who uses eth2 is not known, because opening a netlink socket gave EPERM", user.Description);
        Assert.Equal(Protection.Network, user.Protection);
    }

    private IEnumerable<string> UsersOf(NetworkState state) => Users(new NetworkReading.Read(state)).Select(u => u.Description);

    private List<DeviceUser> Users(NetworkReading reading)
    {
        var nic = new InventoryReader(_kernel.Paths, TimeProvider.System).Read().Functions[PciAddress.Parse(Nic)];
        var names = new DeviceNames(new HostFileReader(_kernel.Paths));
        return [.. new NetworkUsage(_kernel.Paths, names, reading).UsersOf(nic.Address, nic.Children, nic.NetworkInterfaceElsewhere)];
    }

    private static string Real(string link) => new DirectoryInfo(link).ResolveLinkTarget(returnFinalTarget: true)!.FullName;
}
