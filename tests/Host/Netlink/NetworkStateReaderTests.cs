using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Host.Netlink;
using Xunit;

namespace Hostdev.Tests.Host.Netlink;

/// <summary>What the network's tables say, message by message; and that one which cannot be understood spoils the whole reading.</summary>
public sealed class NetworkStateReaderTests
{
    private const ushort GetLink = 18,
        GetAddress = 22,
        GetRoute = 26,
        GetRule = 34,
        GetNextHop = 106,
        GetNamespace = 90;
    private const byte Inet = 2,
        Inet6 = 10;

    private readonly ScriptedKernel _kernel = new ScriptedKernel().Has(
        GetLink,
        0,
        Wire.Link(1, "lo"),
        Wire.Link(2, "eth0", Wire.Attribute(10, 4)),
        Wire.Link(3, "eth1"),
        Wire.Link(4, "bond0", Wire.Kind("bond")),
        Wire.Link(5, "vlan7", Wire.Kind("vlan"), Wire.Attribute(5, 4)),
        Wire.Link(6, "veth0", Wire.Kind("veth"), Wire.Attribute(5, 3), Wire.Attribute(37, 0))
    ); // its peer is number 3 of another namespace

    [Fact]
    public void Interfaces_know_what_they_are_part_of_and_what_they_are_stacked_on() =>
        Assert.Equal(
            [
                new("bond0", "bond"),
                new("eth0", null, "bond0"),
                new("eth1"),
                new("lo"),
                new("veth0", "veth"),
                new("vlan7", "vlan", null, "bond0"),
            ],
            Read().Links
        );

    [Fact]
    public void Addresses_are_our_end_of_a_link_and_link_local_ones_are_marked()
    {
        byte[] pointToPoint = [2, 32, 0, 0, 2, 0, 0, 0, .. Wire.Attribute(1, 192, 0, 2, 8), .. Wire.Attribute(2, 192, 0, 2, 7)];
        byte[] six = [10, 64, 0, 253, 3, 0, 0, 0, .. Wire.Attribute(1, 0xfe, 0xbf, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)];
        _kernel
            .Has(GetAddress, Inet, pointToPoint, Wire.Address4(2, 16, 169, 254, 3, 4))
            .Has(GetAddress, Inet6, six, Wire.Address4(2, 24, 198, 51, 100, 1));
        Assert.Equal(
            [new("eth0", "192.0.2.7/32", false), new("eth0", "169.254.3.4/16", true), new("eth1", "febf::1/64", true)],
            Read().Addresses
        );
    }

    [Fact]
    public void Routes_of_every_table_name_each_interface_they_leave_by()
    {
        byte[] hops = [16, 0, 0, 0, 2, 0, 0, 0, .. Wire.Attribute(5, 192, 0, 2, 1), 8, 0, 0, 0, 3, 0, 0, 0];
        _kernel.Has(
            GetRoute,
            Inet,
            Wire.Route4(0, 254, 3, Wire.Attribute(4, 2)),
            Wire.Route4(24, 252, 4, Wire.Attribute(1, 198, 51, 100, 0), Wire.Attribute(4, 2), Wire.Attribute(15, 100_000)),
            Wire.Route4(8, 254, 4, Wire.Attribute(1, 10, 0, 0, 0), Wire.Attribute(9, hops)),
            Wire.Route4(8, 254, 4, Wire.Attribute(1, 11, 0, 0, 0)), // blackhole
            Wire.Route4(16, 255, 2, Wire.Attribute(1, 169, 254, 0, 0), Wire.Attribute(4, 3))
        );
        Assert.Equal(
            [
                new("eth0", "default", 254, false, false),
                new("eth0", "198.51.100.0/24", 100_000, false, false),
                new("eth0", "10.0.0.0/8", 254, false, false),
                new("eth1", "10.0.0.0/8", 254, false, false),
                new("eth1", "169.254.0.0/16", 255, true, true),
            ],
            Read().Routes
        );
    }

    [Fact]
    public void A_route_by_a_group_of_next_hop_objects_leaves_by_each_member_s_interface()
    {
        byte[] NextHop(int id, params byte[][] attributes) =>
            [0, 0, 0, 0, 0, 0, 0, 0, .. Wire.Attribute(1, id), .. attributes.SelectMany(a => a)];
        byte[] Member(byte id) => [id, 0, 0, 0, 0, 0, 0, 0];
        _kernel
            .Has(GetRoute, Inet, Wire.Route4(24, 254, 4, Wire.Attribute(1, 203, 0, 113, 0), Wire.Attribute(30, 9)))
            .Has(
                GetNextHop,
                0,
                NextHop(7, Wire.Attribute(5, 2)),
                NextHop(8, Wire.Attribute(5, 3)),
                NextHop(9, Wire.Attribute(2, [.. Member(7), .. Member(8)]))
            );
        Assert.Equal([new("eth0", "203.0.113.0/24", 254, false, false), new("eth1", "203.0.113.0/24", 254, false, false)], Read().Routes);
    }

    [Fact]
    public void A_cached_path_MTU_is_no_route()
    {
        var route = Wire.Route4(32, 254, 4, Wire.Attribute(1, 203, 0, 113, 1), Wire.Attribute(4, 2));
        route[9] = 0x02; // RTM_F_CLONED
        _kernel.Has(GetRoute, Inet, route);
        Assert.Empty(Read().Routes);
    }

    [Fact]
    public void Rules_that_name_an_interface_are_read_and_the_others_not()
    {
        byte[] Rule(params byte[][] attributes) => [2, 0, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0, .. attributes.SelectMany(a => a)];
        _kernel.Has(
            GetRule,
            Inet,
            Rule(Wire.Attribute(6, 32766)),
            Rule(Wire.Attribute(6, 100), Wire.Text(3, "eth0")),
            Rule(Wire.Attribute(6, 101), Wire.Text(17, "eth1"))
        );
        Assert.Equal([new("eth0", 100, true), new("eth1", 101, false)], Read().Rules);
    }

    [Fact]
    public void Of_other_namespaces_only_what_hangs_on_the_host_is_seen()
    {
        // ours is number 1 there
        var there = new ScriptedKernel()
            .Has(GetNamespace, 0, [0, 0, 0, 0, .. Wire.Attribute(1, 1)])
            .Has(
                GetLink,
                0,
                Wire.Link(1, "lo"),
                Wire.Link(2, "eth9", Wire.Text(56, "0000:41:00.0"), Wire.Text(57, "pci")),
                Wire.Link(3, "mv0", Wire.Kind("macvlan"), Wire.Attribute(5, 3), Wire.Attribute(37, 1)), // on our number 3
                Wire.Link(4, "mv1", Wire.Kind("macvlan"), Wire.Attribute(5, 3), Wire.Attribute(37, 2)), // on number 3 of a third namespace
                Wire.Link(5, "mv2", Wire.Kind("macvlan"), Wire.Attribute(5, 2)), // on its own eth9
                Wire.Link(6, "eth0", Wire.Kind("veth"), Wire.Attribute(5, 6), Wire.Attribute(37, 1))
            ); // every container has one
        Assert.Equal(
            [
                new("eth9", null, "pci/0000:41:00.0", null, "of process 812 (nginx)"),
                new("mv0", "macvlan", null, "eth1", "of process 812 (nginx)"),
            ],
            Assert.IsType<NetworkReading.Read>(Reading(_kernel, there)).State.Elsewhere
        );
    }

    [Fact]
    public void A_namespace_that_cannot_be_read_spoils_all()
    {
        var refuses = new ScriptedKernel().On(GetLink, 0, s => [new(Errno.None, Wire.Error(s, -1))]);
        Assert.Equal(
            new NetworkReading.Failed("asking the kernel for the interfaces of the network namespace of process 812 (nginx) gave EPERM"),
            Reading(_kernel, refuses)
        );
        var hides = new ScriptedKernel()
            .Has(GetLink, 0, Wire.Link(3, "mv0", Wire.Kind("macvlan"), Wire.Attribute(5, 3), Wire.Attribute(37, 1)))
            .On(GetNamespace, 0, s => [new(Errno.None, Wire.Error(s, -1))]);
        Assert.Equal(
            new NetworkReading.Failed("asking the kernel for our number in the network namespace of process 812 (nginx) gave EPERM"),
            Reading(_kernel, hides)
        );
    }

    [Fact]
    public void A_kernel_without_rules_next_hops_and_IPv6_has_none_of_them()
    {
        _kernel
            .On(GetRule, Inet6, s => [new(Errno.None, Wire.Done(s, -97))])
            .On(GetNextHop, 0, s => [new(Errno.None, Wire.Error(s, -95))])
            // it answers with the families it has
            .Has(GetAddress, Inet, Wire.Address4(2, 24, 192, 0, 2, 7))
            .Has(GetAddress, Inet6, Wire.Address4(2, 24, 192, 0, 2, 7));
        Assert.Equal([new("eth0", "192.0.2.7/24", false)], Read().Addresses);
    }

    [Theory]
    [InlineData(GetLink, 0, "interfaces")]
    [InlineData(GetAddress, Inet, "addresses")]
    [InlineData(GetAddress, Inet6, "addresses")]
    [InlineData(GetRoute, Inet, "routes")]
    [InlineData(GetRoute, Inet6, "routes")]
    [InlineData(GetRule, Inet, "policy rules")]
    [InlineData(GetNextHop, 0, "next hops")]
    public void One_table_that_cannot_be_read_or_understood_spoils_all(int type, int family, string what)
    {
        var refuses = new ScriptedKernel().On((ushort)type, (byte)family, s => [new(Errno.None, Wire.Error(s, -1))]);
        Assert.Equal(new NetworkReading.Failed($"asking the kernel for {what} gave EPERM"), Reading(refuses));
        // an attribute of 200 bytes
        var lies = new ScriptedKernel().Has(
            (ushort)type,
            (byte)family,
            [(byte)family, 24, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 1, 0]
        );
        Assert.Equal(new NetworkReading.Failed($"asking the kernel for {what} was answered with a malformed message"), Reading(lies));
    }

    [Fact]
    public void A_kernel_without_a_table_that_every_kernel_has_is_not_believed() =>
        Assert.IsType<NetworkReading.Failed>(
            Reading(new ScriptedKernel().On(GetAddress, Inet, s => [new(Errno.None, Wire.Error(s, -95))]))
        );

    [Theory]
    [InlineData("0a00000000000000" + "07000100aabbcc")] // an IPv4 address of three bytes
    [InlineData("02180000")] // shorter than struct ifaddrmsg
    [InlineData("0218000002000000")] // without an address
    public void An_address_that_is_none_spoils_all(string body)
    {
        var bytes = Convert.FromHexString(body);
        Assert.IsType<NetworkReading.Failed>(Reading(new ScriptedKernel().Has(GetAddress, bytes[0], bytes)));
    }

    [Fact]
    public void Whatever_bytes_come_they_are_understood_or_refused()
    {
        var random = new Random(1);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[random.Next(0, 80)];
            random.NextBytes(bytes);
            // near what lengths are
            if (bytes.Length > 16 && round % 2 == 0)
                BitConverter.TryWriteBytes(bytes.AsSpan(random.Next(4) * 4), (ushort)random.Next(0, 40));
            var body = new NetlinkMessage((ushort)(16 + (round % 4 * 4)), 0, 0, bytes);
            _ = RouteMessages.Link(body with { Type = RouteMessages.NewLink }, out _);
            _ = RouteMessages.Address(body with { Type = RouteMessages.NewAddress }, Inet, out _);
            _ = RouteMessages.Route(body with { Type = RouteMessages.NewRoute }, Inet6, out _);
            _ = RouteMessages.Rule(body with { Type = RouteMessages.NewRule }, Inet, out _);
            _ = RouteMessages.NextHop(body with { Type = RouteMessages.NewNextHop }, out _);
            _ = RouteMessages.NamespaceId(body with { Type = RouteMessages.NewNamespaceId }, out _);
            _ = NetlinkMessage.TryParse(bytes, []);
        }
    }

    private NetworkState Read() => Assert.IsType<NetworkReading.Read>(Reading(_kernel)).State;

    private static NetworkReading Reading(ScriptedKernel kernel, ScriptedKernel? elsewhere = null) =>
        new NetworkStateReader(
            new NetlinkRequests(kernel),
            elsewhere is null ? [] : [new ForeignNamespace("of process 812 (nginx)", elsewhere, 3)]
        ).Read();
}
