using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// A NIC that the host uses is refused, with the user named and nothing written: contracts/kernel.md, "Proof that it is free". Each
/// scenario runs on the simulation and on the real kernel.
/// </summary>
public abstract class NetworkProtectionScenarios
{
    private const string Nic = "0000:86:00.0";
    private const string Igb = "0000:81:00.0";

    private protected abstract IScenarioNode NewNode();

    [Theory]
    [InlineData(nameof(NetworkUse.Address), "eth has the address 192.0.2.7/24")]
    [InlineData(nameof(NetworkUse.Ipv6Address), "eth has the address 2001:db8::7/64")]
    [InlineData(nameof(NetworkUse.RouteInAnotherTable), "eth routes 198.51.100.0/24 in table 100")]
    [InlineData(nameof(NetworkUse.RouteByNextHop), "eth routes 203.0.113.0/24")]
    [InlineData(nameof(NetworkUse.RoutingRule), "eth is named by the routing rule 30000 (iif eth)")]
    [InlineData(nameof(NetworkUse.Bond), "eth is part of hd-bond0 (bond)")]
    [InlineData(
        nameof(NetworkUse.BondWithAddressAndRoute),
        "eth is part of hd-bond0 (bond), which has the address 192.0.2.7/24 and routes 198.51.100.0/24 in table 100"
    )]
    [InlineData(nameof(NetworkUse.Bridge), "eth is part of hd-br0 (bridge)")]
    [InlineData(nameof(NetworkUse.Vrf), "eth is part of hd-vrf0 (vrf)")]
    [InlineData(nameof(NetworkUse.Macvlan), "eth carries hd-mv0 (macvlan)")]
    [InlineData(nameof(NetworkUse.Vlan), "eth carries hd-vlan7 (vlan)")]
    [InlineData(nameof(NetworkUse.Namespace), "its interface eth is in the network namespace of process PID (sleep)")]
    [InlineData(nameof(NetworkUse.MacvlanInNamespace), "eth carries hd-mv0 (macvlan) in the network namespace of process PID (sleep)")]
    public async Task A_NIC_that_the_host_uses_is_refused_with_its_user_named(string use, string words)
    {
        var node = NewNode();
        using var user = node.UseInterface(Nic, Enum.Parse<NetworkUse>(use));
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("nic", Nic)));
        await bench.UntilAsync(() => bench.Problem("nic").Reason == Reasons.Protected);
        Assert.Equal(
            $"{Nic} is in use: {InWords(words, user)}: the host needs it; free it, or list Network in allowProtected "
                + "together with the address",
            bench.Problem("nic").Message
        );
        Assert.Equal("e1000e", bench.Driver(Nic));
        Assert.Equal(0, bench.Host.Writer.Writes);
    }

    [Fact]
    public async Task A_NIC_is_taken_when_its_address_is_gone()
    {
        var node = NewNode();
        var user = node.UseInterface(Nic, NetworkUse.Address);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("nic", Nic)));
        await bench.UntilAsync(() => bench.Problem("nic").Reason == Reasons.Protected);
        user.Dispose();
        bench.Host.Agent.Wake();
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(Nic));
    }

    [Fact]
    public async Task A_NIC_that_is_merely_up_with_a_link_local_address_is_taken()
    {
        var node = NewNode();
        using var user = node.UseInterface(Nic, NetworkUse.MerelyUp);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("nic", Nic)));
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(Nic));
    }

    [Fact]
    public async Task A_NIC_in_use_is_taken_when_the_admin_allows_it_by_name_and_address()
    {
        var node = NewNode();
        using var user = node.UseInterface(Nic, NetworkUse.BondWithAddressAndRoute);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("nic", Nic, "allowProtected: [Network]"))
        );
        await bench.ReadyAsync();
        Assert.Equal("vfio-pci", bench.Driver(Nic));
    }

    [Fact]
    public async Task A_port_that_is_free_is_refused_for_its_sibling_that_is_not()
    {
        var node = NewNode();
        using var user = node.UseInterface("0000:45:00.1", NetworkUse.Vrf);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.HostDevice("port", "0000:45:00.0", pci: ", groupPolicy: HoldSiblings"))
        );
        await bench.UntilAsync(() => bench.Problem("port").Reason == Reasons.Protected);
        Assert.StartsWith(
            $"0000:45:00.1 is in use: {user.Interface} is part of hd-vrf0 (vrf): the host needs it;",
            bench.Problem("port").Message,
            StringComparison.Ordinal
        );
        Assert.Equal(("e1000e", "e1000e", 0L), (bench.Driver("0000:45:00.0"), bench.Driver("0000:45:00.1"), bench.Host.Writer.Writes));
    }

    [Theory]
    [InlineData(nameof(NetworkUse.Namespace), "its interface eth is in the network namespace of process PID (sleep)")]
    [InlineData(nameof(NetworkUse.Address), "eth has the address 192.0.2.7/24")]
    [InlineData(nameof(NetworkUse.Bond), "eth is part of hd-bond0 (bond)")]
    public async Task A_VF_that_the_host_uses_keeps_its_physical_function_s_number_of_VFs(string use, string words)
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(OneOfVfs(2)));
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Driver("0000:81:10.2") == "igbvf"); // VF 1 is in no pool: the host's
        var writes = bench.Host.Writer.Writes;
        using (var user = node.UseInterface("0000:81:10.2", Enum.Parse<NetworkUse>(use)))
        {
            bench.Desire(Desired.Policies(OneOfVfs(4)));
            await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.InUse);
            Assert.Equal(
                $"{Igb} goes from 2 to 4 VFs, which needs all of them free, but 0000:81:10.2: {InWords(words, user)}: "
                    + "it is done as soon as they are let go",
                bench.Problem("vfs").Message
            );
            Assert.Equal((writes, "2"), (bench.Host.Writer.Writes, bench.Read($"/sys/bus/pci/devices/{Igb}/sriov_numvfs")));
            Assert.Equal(1, bench.Kubelet.Allocatable("example.com/vf"));
        }

        await bench.UntilAsync(() => bench.Condition("Ready") == "True" && bench.Read($"/sys/bus/pci/devices/{Igb}/sriov_numvfs") == "4");
    }

    [Fact]
    public async Task A_VF_that_the_host_uses_is_not_removed_when_its_policy_goes()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(OneOfVfs(2)));
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Driver("0000:81:10.2") == "igbvf");
        using (var user = node.UseInterface("0000:81:10.2", NetworkUse.Address))
        {
            bench.Desire(Desired.Nothing);
            await bench.UntilAsync(() =>
                bench
                    .Status["releasing"]
                    ?.ToJsonString()
                    .Contains($"0000:81:10.2: {user.Interface} has the address 192.0.2.7/24", StringComparison.Ordinal) == true
            );
            Assert.Equal("2", bench.Read($"/sys/bus/pci/devices/{Igb}/sriov_numvfs"));
        }

        await bench.GivenBackAsync();
        Assert.Equal("0", bench.Read($"/sys/bus/pci/devices/{Igb}/sriov_numvfs"));
    }

    [Fact]
    public async Task A_physical_function_with_an_address_gets_VFs_and_stays_the_host_s()
    {
        var node = NewNode();
        using var user = node.UseInterface(Igb, NetworkUse.Address);
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.Vfs(2)));
        await bench.ReadyAsync();
        Assert.Equal(("igb", "2"), (bench.Driver(Igb), bench.Read($"/sys/bus/pci/devices/{Igb}/sriov_numvfs")));

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        bench.Desire(Desired.Policies(Desired.HostDevice("whole", Igb)));
        await bench.UntilAsync(() => bench.Problem("whole").Reason == Reasons.Protected);
        Assert.Contains($"{user.Interface} has the address 192.0.2.7/24", bench.Problem("whole").Message, StringComparison.Ordinal);
        Assert.Equal("igb", bench.Driver(Igb));
    }

    [Fact]
    public async Task A_NIC_that_comes_into_use_between_the_plan_and_the_unbind_stays_the_host_s()
    {
        var node = NewNode();
        INetworkUser? user = null;
        var machine = node.Machine with
        {
            Calls = new BeforeUnbind(node.Machine.Calls, () => user ??= node.UseInterface(Nic, NetworkUse.Address)),
        };
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("nic", Nic)), machine);
        await bench.UntilAsync(() => bench.Problem("nic").Reason is { } r && (r == Reasons.InUse || r == Reasons.Protected));
        await bench.UntilAsync(() =>
            bench.Problem("nic").Message.Contains($"{user!.Interface} has the address 192.0.2.7/24", StringComparison.Ordinal)
        );
        Assert.Equal("e1000e", bench.Driver(Nic));
        user!.Dispose();
    }

    /// <summary>"eth" and "PID" stand for what the node has there.</summary>
    private static string InWords(string words, INetworkUser user) =>
        words
            .Replace("PID", $"{user.ProcessId}", StringComparison.Ordinal)
            .Replace("eth ", user.Interface + " ", StringComparison.Ordinal)
            .Replace("eth)", user.Interface + ")", StringComparison.Ordinal);

    private static string OneOfVfs(int count) =>
        $$"""
            - kind: SriovPolicy
              name: vfs
              spec:
                nodeSelector: {}
                physicalFunctions: [{addresses: ["{{Igb}}"]}]
                numVfs: {{count}}
                pools: [{name: one, vfs: [{first: 0, last: 0}], resourceName: example.com/vf}]

            """;

    /// <summary>Calls that let something happen after the function's override was written, which is just before its unbind.</summary>
    private sealed class BeforeUnbind(IHostCalls calls, Action happens) : DecoratedCalls(calls)
    {
        public override Errno WriteAttribute(string path, string value)
        {
            var result = base.WriteAttribute(path, value);
            if (path.EndsWith("/driver_override", StringComparison.Ordinal) && value == "vfio-pci")
                happens();
            return result;
        }
    }
}

public sealed class SimulatedNetworkProtectionScenarios : NetworkProtectionScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();

    [Fact]
    public async Task What_cannot_be_read_protects()
    {
        var node = new SimulatedNode();
        node.Kernel.Network.Complaint = "asking the kernel for addresses gave EPERM";
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.HostDevice("nic", "0000:86:00.0")));
        await bench.UntilAsync(() => bench.Problem("nic").Reason == Reasons.Protected);
        Assert.StartsWith(
            "0000:86:00.0 is in use: who uses eth2 is not known, because asking the kernel for addresses gave EPERM: the host needs it;",
            bench.Problem("nic").Message,
            StringComparison.Ordinal
        );
        Assert.Equal(("e1000e", 0L), (bench.Driver("0000:86:00.0"), bench.Host.Writer.Writes));
    }
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference here: one flavour is enough
public sealed class RealNetworkProtectionScenarios : NetworkProtectionScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
