using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.DevicePlugin.Host;
using Hostdev.Tests.Lab;
using Hostdev.Tests.Scenarios;
using Xunit;

namespace Hostdev.Tests.Host.Netlink;

/// <summary>Our reading of the network against iproute2's, of a node where a bit of everything is configured.</summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference here: one flavour is enough
public sealed class NetworkOnRealKernelTests : IDisposable
{
    private readonly RealNode _node = new();

    public void Dispose()
    {
        foreach (
            var undo in (string[])
                [
                    "link del hd-dummy0",
                    "link del hd-dummy1",
                    "rule del priority 30001",
                    "-6 rule del priority 30002",
                    "route del blackhole 203.0.113.0/25",
                ]
        )
            Ip(undo, mayFail: true);
        _node.Dispose();
    }

    [LabFact]
    public void Interfaces_addresses_routes_and_rules_are_those_that_iproute2_prints()
    {
        Configure();
        var state = Assert.IsType<NetworkReading.Read>(_node.Machine.Calls.ReadNetwork()).State;

        Assert.Equal(
            Lines(Json("-d link show"), l => $"{l["ifname"]} {l["linkinfo"]?["info_kind"]} {l["master"]} {l["link"]}"),
            Lines(state.Links, l => $"{l.Name} {l.Kind} {l.Master} {l.Lower}")
        );
        Assert.Equal(
            Lines(
                Json("addr show")
                    .SelectMany(
                        l => l["addr_info"]!.AsArray(),
                        (l, a) =>
                            $"{l["ifname"]} {a!["local"]}/{a["prefixlen"]} "
                            + $"{(string)a["scope"]! == "link" || ((string)a["local"]!).StartsWith("169.254.", StringComparison.Ordinal)}"
                    ),
                l => l
            ),
            Lines(state.Addresses, a => $"{a.Interface} {a.Address} {a.LinkLocal}")
        );
        Assert.Equal(
            Lines(Json("-4 route show table all").Concat(Json("-6 route show table all")).SelectMany(RouteLines), l => l),
            Lines(state.Routes, r => $"{r.Interface} {r.Destination} {r.Table} {r.ByKernel}")
        );
        Assert.Equal(
            ["hd-dummy0 30001 True", "hd-dummy1 30002 False"],
            Lines(state.Rules, r => $"{r.Interface} {r.Priority} {r.Incoming}")
        );
    }

    [LabFact]
    public void A_next_hop_object_names_the_interface_of_a_route_that_does_not()
    {
        using var user = _node.UseInterface("0000:86:00.0", NetworkUse.RouteByNextHop);
        Assert.DoesNotContain(Json("route show 203.0.113.0/24"), r => r["dev"] is not null);
        var state = Assert.IsType<NetworkReading.Read>(_node.Machine.Calls.ReadNetwork()).State;
        Assert.Equal([user.Interface], state.Routes.Where(r => r.Destination == "203.0.113.0/24").Select(r => r.Interface));
    }

    [LabFact]
    public void Thousands_of_routes_are_read_whole()
    {
        Configure();
        var batch = Path.GetTempFileName();
        File.WriteAllLines(batch, Enumerable.Range(0, 5000).Select(i => $"route add 10.{i / 250}.{i % 250}.0/24 dev hd-dummy0 table 5000"));
        Ip($"-batch {batch}");
        File.Delete(batch);
        var state = Assert.IsType<NetworkReading.Read>(_node.Machine.Calls.ReadNetwork()).State;
        Assert.Equal(5000, state.Routes.Count(r => r is { Interface: "hd-dummy0", Table: 5000 }));
    }

    [LabFact]
    public void A_namespace_is_named_by_its_process_or_else_by_its_own_name()
    {
        using (var user = _node.UseInterface("0000:86:00.0", NetworkUse.Namespace))
        {
            Assert.Equal(
                [new LinkElsewhere(user.Interface, null, "pci/0000:86:00.0", null, $"of process {user.ProcessId} (sleep)")],
                Elsewhere()
            );
        }

        var name = ScenarioNodes.InterfaceOf(_node.Machine.Paths, "0000:86:00.0");
        Ip("netns add hd-blue");
        try
        {
            Ip($"link set {name} netns hd-blue");
            Assert.Equal([new LinkElsewhere(name, null, "pci/0000:86:00.0", null, "\"hd-blue\"")], Elsewhere());
        }
        finally
        {
            Ip("netns del hd-blue");
        }

        Assert.True(SpinWait.SpinUntil(() => Directory.Exists($"/sys/class/net/{name}"), TimeSpan.FromSeconds(60)));
        Assert.Empty(Elsewhere());
    }

    private IEnumerable<LinkElsewhere> Elsewhere() => Assert.IsType<NetworkReading.Read>(_node.Machine.Calls.ReadNetwork()).State.Elsewhere;

    private static void Configure()
    {
        Command.Run("modprobe", "-a", "dummy", "8021q", "vrf");
        foreach (
            var command in (string[])
                [
                    "link add hd-dummy0 type dummy",
                    "link add hd-dummy1 type dummy",
                    "link set hd-dummy0 up",
                    "link set hd-dummy1 up",
                    "link add link hd-dummy0 name hd-vlan7 type vlan id 7",
                    "addr add 192.0.2.7/24 dev hd-dummy0",
                    "addr add 192.0.2.9 peer 192.0.2.10/32 dev hd-dummy1",
                    "addr add 169.254.3.4/16 dev hd-dummy1",
                    "addr add 2001:db8::7/64 dev hd-dummy0",
                    "addr add 2001:db8:5::7/64 dev hd-dummy1",
                    "route add 198.51.100.0/24 dev hd-dummy0 table 100",
                    "route add default via 192.0.2.1",
                    "route add blackhole 203.0.113.0/25",
                    "route add 203.0.113.128/25 table 100000 nexthop via 192.0.2.1 dev hd-dummy0 nexthop dev hd-dummy1",
                    "-6 route add 2001:db8:1::/48 via 2001:db8::1 table 100",
                    "-6 route add 2001:db8:2::/48 nexthop via 2001:db8::1 dev hd-dummy0 nexthop via 2001:db8:5::1 dev hd-dummy1",
                    "rule add iif hd-dummy0 lookup 100 priority 30001",
                    "-6 rule add oif hd-dummy1 lookup 100 priority 30002",
                ]
        )
            Ip(command);
    }

    /// <summary>
    /// One line for each interface of a route, with tables as numbers and destinations with their length, which iproute2 leaves out of
    /// hosts.
    /// </summary>
    private static IEnumerable<string> RouteLines(JsonNode route)
    {
        var destination = (string)route["dst"]!;
        if (destination != "default" && !destination.Contains('/', StringComparison.Ordinal))
            destination += destination.Contains(':', StringComparison.Ordinal) ? "/128" : "/32";
        var table = (string?)route["table"] switch
        {
            null or "main" => "254",
            "local" => "255",
            { } other => other,
        };
        var interfaces = route["nexthops"]?.AsArray().Select(n => (string?)n!["dev"]) ?? [(string?)route["dev"]];
        return interfaces
            .Where(i => i is not null && (string?)route["type"] != "blackhole")
            .Select(i => $"{i} {destination} {table} {(string?)route["protocol"] == "kernel"}");
    }

    private static List<string> Lines<T>(IEnumerable<T> items, Func<T, string> line) =>
        [.. items.Select(line).Order(StringComparer.Ordinal)];

    private static List<JsonNode> Json(string arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo("ip", ["-j", .. arguments.Split(' ')]) { UseShellExecute = false, RedirectStandardOutput = true }
        )!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return [.. JsonSerializer.Deserialize<JsonArray>(text)!.OfType<JsonObject>().Where(n => n.Count > 0)];
    }

    private static void Ip(string arguments, bool mayFail = false)
    {
        if (!mayFail)
        {
            Command.Run("ip", arguments.Split(' '));
            return;
        }

        using var process = Process.Start(
            new ProcessStartInfo("ip", arguments.Split(' ')) { UseShellExecute = false, RedirectStandardError = true }
        )!;
        process.WaitForExit();
    }
}
