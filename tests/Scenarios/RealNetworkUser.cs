using System.Diagnostics;
using System.Globalization;
using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// A use of an interface of the lab's node, made with iproute2, and how it ends: the interface is down and free again, under its old name.
/// </summary>
internal sealed class RealNetworkUser : INetworkUser
{
    private const string NextHopCompatibility = "/proc/sys/net/ipv4/nexthop_compat_mode";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _address;
    private readonly Process? _process;
    private readonly Stack<Action> _undo = new();

    public RealNetworkUser(string address, NetworkUse use)
    {
        _address = address;
        Interface = ScenarioNodes.InterfaceOf(new HostPaths("/"), address);
        Command.Run("modprobe", "-a", "bonding", "bridge", "vrf", "macvlan", "8021q");
        if (use is NetworkUse.Namespace or NetworkUse.MacvlanInNamespace)
            _process = StartInNamespace();
        try
        {
            Begin(use);
        }
        catch
        {
            Dispose(); // half a use would be the next test's trouble
            throw;
        }
    }

    public string Interface { get; }

    public int ProcessId => _process?.Id ?? 0;

    public void Dispose()
    {
        // A scenario may have taken the device: then what was on its interface went with it.
        while (_undo.TryPop(out var undo))
            undo();
        if (_process is not { HasExited: false })
            return;
        _process.Kill();
        _process.WaitForExit();
        Await(
            () => Directory.Exists($"/sys/class/net/{Interface}") || !Directory.Exists($"/sys/bus/pci/devices/{_address}/net"),
            $"{Interface} does not come back"
        );
    }

    private void Begin(NetworkUse use)
    {
        switch (use)
        {
            case NetworkUse.MerelyUp:
                Up();
                Await(
                    () => File.ReadAllLines("/proc/net/if_inet6").Any(l => l.EndsWith(' ' + Interface, StringComparison.Ordinal)),
                    $"{Interface} gets no link-local address"
                );
                break;
            case NetworkUse.Address:
                Ip($"addr add 192.0.2.7/24 dev {Interface}", $"addr flush dev {Interface}");
                break;
            case NetworkUse.Ipv6Address:
                Ip($"addr add 2001:db8::7/64 dev {Interface}", $"addr flush dev {Interface}");
                break;
            case NetworkUse.RouteInAnotherTable:
                Up();
                Ip($"route add 198.51.100.0/24 dev {Interface} table 100", null);
                break;
            case NetworkUse.RouteByNextHop:
                Up();
                Ip($"nexthop add id 77 dev {Interface}", null);
                Ip("route add 203.0.113.0/24 nhid 77", null);
                File.WriteAllText(NextHopCompatibility, "0"); // from now on the kernel names the interface in the object alone
                _undo.Push(() => File.WriteAllText(NextHopCompatibility, "1"));
                break;
            case NetworkUse.RoutingRule:
                Ip($"rule add iif {Interface} lookup 100 priority 30000", "rule del priority 30000");
                break;
            case NetworkUse.Bond or NetworkUse.BondWithAddressAndRoute:
                Enslave("hd-bond0", "bond");
                if (use == NetworkUse.Bond)
                    break;
                Ip("addr add 192.0.2.7/24 dev hd-bond0", null);
                Ip("link set hd-bond0 up", null);
                Ip("route add 198.51.100.0/24 dev hd-bond0 table 100", null);
                break;
            case NetworkUse.Bridge:
                Enslave("hd-br0", "bridge");
                break;
            case NetworkUse.Vrf:
                Enslave("hd-vrf0", "vrf table 100");
                break;
            case NetworkUse.Macvlan:
                Ip($"link add hd-mv0 link {Interface} type macvlan mode bridge", "link del hd-mv0");
                break;
            case NetworkUse.Vlan:
                Ip($"link add link {Interface} name hd-vlan7 type vlan id 7", "link del hd-vlan7");
                break;
            case NetworkUse.MacvlanInNamespace:
                Ip($"link add hd-mv0 link {Interface} netns {ProcessId} type macvlan mode bridge", null);
                break;
            default:
                Ip($"link set {Interface} netns {ProcessId}", null);
                break;
        }
    }

    private void Up()
    {
        Ip($"link set {Interface} up", $"link set {Interface} down");
        Await(() => File.ReadAllText($"/sys/class/net/{Interface}/carrier").Trim() == "1", $"{Interface} gets no carrier");
    }

    private void Enslave(string master, string kind)
    {
        Ip($"link add {master} type {kind}", $"link del {master}");
        Ip($"link set {Interface} master {master}", null);
    }

    /// <param name="undo">What ends it, where it is still there.</param>
    private void Ip(string arguments, string? undo)
    {
        Command.Run("ip", arguments.Split(' '));
        if (undo is not null)
            _undo.Push(() =>
                Process
                    .Start(new ProcessStartInfo("ip", undo.Split(' ')) { UseShellExecute = false, RedirectStandardError = true })!
                    .WaitForExit()
            );
    }

    private static Process StartInNamespace()
    {
        var process = Process.Start("unshare", ["--net", "sleep", "600"]);
        var comm = string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Id}/comm");
        Await(() => File.ReadAllText(comm).Trim() == "sleep", "unshare does not start");
        return process;
    }

    private static void Await(Func<bool> condition, string otherwise) => Assert.True(SpinWait.SpinUntil(condition, s_patience), otherwise);
}
