using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>What a physical function's interface has for the virtual functions of a pool.</summary>
public abstract class VfNetworkScenarios
{
    private protected const string Pf = "0000:41:00.0";
    private protected const string FirstVf = "0000:41:10.0";
    private protected const string SecondVf = "0000:41:10.2";

    /// <summary>What a virtual function has that nobody has set anything of.</summary>
    private const string Fresh = "00:00:00:00:00:00, vlan 0, spoofchk on, trust off, state auto, min_tx_rate 0 max_tx_rate 0";

    private protected const string Address = "52:54:00:aa:00:01";

    private protected const string Tenant =
        "{mac: {type: List, addresses: [\"52:54:00:aa:00:01\", \"52:54:00:aa:00:02\"]}, vlan: 100, vlanQoS: 3, trust: true, "
        + "spoofChk: false, linkState: Auto}";

    private const string TenantVlan = "vlan 100 qos 3, spoofchk off, trust on, state auto, min_tx_rate 0 max_tx_rate 0";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task Each_virtual_function_is_offered_with_what_its_pool_says_and_is_as_it_was_when_that_is_not_asked_for_any_more()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, With(Tenant));
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2);
        Assert.Equal(["52:54:00:aa:00:01, " + TenantVlan, "52:54:00:aa:00:02, " + TenantVlan], Vfs(node));
        Assert.Equal("vfio-pci", bench.Driver(FirstVf));

        // Nothing is done again by whoever comes after, and nothing while nothing changes.
        await bench.StopAgentAsync();
        bench.StartAgent();
        await bench.UntilAsync(() => bench.Host.Agent.Reconciles > 0 && bench.Condition("Ready") == "True");
        await bench.QuietAsync();
        Assert.Equal(0, bench.Host.Writer.Writes);

        bench.Desire(With("{vlan: 7}"));
        await bench.UntilAsync(() => Vfs(node)[1] == Fresh.Replace("vlan 0", "vlan 7", StringComparison.Ordinal));
        await bench.ReadyAsync();
        bench.Desire(With(null));
        await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Attributes.IsEmpty);
        await bench.ReadyAsync();
        Assert.All(Vfs(node), v => Assert.Equal(Fresh, v));
        Assert.Equal(2, bench.Kubelet.Allocatable("example.com/vf"));

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [Fact]
    public async Task What_another_has_made_and_set_is_as_he_left_it_when_the_policy_is_gone()
    {
        var node = NewNode();
        node.Write(($"/sys/bus/pci/devices/{Pf}/sriov_drivers_autoprobe", "0"), ($"/sys/bus/pci/devices/{Pf}/sriov_numvfs", "1"));
        node.SetVf(Pf, "vf 0 vlan", "7 qos 1");
        var before = Vfs(node);
        await using var bench = await ScenarioBench.StartAsync(
            node,
            """
            policies:
            - kind: SriovPolicy
              name: vfs
              spec:
                nodeSelector: {}
                physicalFunctions: [{addresses: ["0000:41:00.0"]}]
                management: External
                pools: [{name: all, vfs: [{first: 0, last: 0}], resourceName: example.com/vf, network: {mac: {type: Hash}, vlan: 100}}]

            """
        );
        await bench.ReadyAsync();
        Assert.Matches("^[0-9a-f][26ae]:.*, vlan 100, spoofchk on", Assert.Single(Vfs(node)));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        Assert.Equal(before, Vfs(node));
        node.Write(($"/sys/bus/pci/devices/{Pf}/sriov_numvfs", "0"), ($"/sys/bus/pci/devices/{Pf}/sriov_drivers_autoprobe", "1"));
    }

    [Fact]
    public async Task What_the_driver_does_not_have_is_said_and_the_virtual_function_is_not_offered_without_it()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, With("{vlan: 100, linkState: Enable}"));
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.StepFailed);
        Assert.Equal(
            $"setting vf 0 state of {Pf} to \"enable\" failed: EOPNOTSUPP: the physical function's driver has no such setting: remove it "
                + "from the pool's network, or use a card that has it",
            bench.Problem("vfs").Message
        );
        Assert.Null(bench.Driver(FirstVf));
        Assert.Equal(0, bench.Kubelet.Allocatable("example.com/vf"));

        bench.Desire(With("{vlan: 100}")); // as the message says
        await bench.ReadyAsync();
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/vf") == 2);
        bench.Desire(With("{vlan: 100, minTxRate: 10, maxTxRate: 20}"));
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.StepFailed);
        Assert.StartsWith(
            $"setting vf 0 rate of {Pf} to \"min_tx_rate 10 max_tx_rate 20\" failed: EINVAL: its driver does not take these rates: "
                + "many have no minTxRate (igb among them)",
            bench.Problem("vfs").Message,
            StringComparison.Ordinal
        );
        Assert.Equal((2, "vfio-pci"), (bench.Kubelet.Allocatable("example.com/vf"), bench.Driver(FirstVf))); // in service it stays
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    [Fact]
    public async Task A_rate_is_set_when_the_link_is_up_and_put_back_when_it_was_lost()
    {
        var node = NewNode();
        using var up = node.UseInterface(Pf, NetworkUse.MerelyUp);
        await using var bench = await ScenarioBench.StartAsync(node, With("{maxTxRate: 100}"));
        await bench.ReadyAsync();
        const string limited = "min_tx_rate 0 max_tx_rate 100";
        Assert.EndsWith(limited, Vfs(node)[0], StringComparison.Ordinal);
        await bench.QuietAsync();
        node.SetVf(Pf, "vf 0 rate", "min_tx_rate 0 max_tx_rate 0");
        Assert.DoesNotContain(limited, Vfs(node)[0], StringComparison.Ordinal);
        bench.Host.Agent.Wake(); // no event tells
        await bench.UntilAsync(() => Vfs(node)[0].EndsWith(limited, StringComparison.Ordinal));
        Assert.Equal(2, bench.Kubelet.Allocatable("example.com/vf"));
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    [Fact]
    public async Task What_somebody_has_is_changed_when_he_lets_it_go_and_put_back_at_once()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, With("{vlan: 100}"));
        await bench.ReadyAsync();
        using (var holder = await node.HoldAsync(FirstVf))
        {
            bench.Desire(With("{vlan: 200}"));
            await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.InUse);
            Assert.StartsWith(
                $"vf 0 vlan of {Pf} is set to \"200\" as soon as {FirstVf} is let go; in use: /dev/vfio/",
                bench.Problem("vfs").Message,
                StringComparison.Ordinal
            );
            await bench.UntilAsync(() => Vfs(node)[1].Contains("vlan 200", StringComparison.Ordinal)); // the other one does not wait
            Assert.Contains("vlan 100", Vfs(node)[0], StringComparison.Ordinal);

            bench.Desire(With(null));
            await bench.UntilAsync(() => Vfs(node)[1] == Fresh);
            Assert.Contains("vlan 100", Vfs(node)[0], StringComparison.Ordinal);

            bench.Desire(With("{vlan: 100}"));
            await bench.UntilAsync(() => Vfs(node)[1].Contains("vlan 100", StringComparison.Ordinal));
            node.SetVf(Pf, "vf 0 vlan", "0");
            bench.Host.Agent.Wake();
            await bench.UntilAsync(() => Vfs(node)[0].Contains("vlan 100", StringComparison.Ordinal)); // as he got it
            Assert.Equal(0, holder.Requests);
            bench.Desire(With("{vlan: 200}"));
        }

        await bench.UntilAsync(() => Vfs(node).All(v => v.Contains("vlan 200", StringComparison.Ordinal)));
        await bench.ReadyAsync();
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    /// <summary>
    /// Of each virtual function of the pool, what its physical function's interface has for it; the host's own driver makes addresses up.
    /// </summary>
    private protected static IReadOnlyList<string> Vfs(IScenarioNode node)
    {
        var reading = node.Machine.Calls.ReadVfs(Pf);
        Assert.Equal(Errno.None, reading.Error);
        string Of(int vf, string setting) => reading.Settings[$"vf {vf} {setting}"] ?? "";
        return
        [
            .. Enumerable
                .Range(0, Math.Min(2, reading.Settings.Keys.Count(k => k.EndsWith(" mac", StringComparison.Ordinal))))
                .Select(vf =>
                    $"{Of(vf, "mac")}, vlan {Of(vf, "vlan")}, spoofchk {Of(vf, "spoofchk")}, trust {Of(vf, "trust")}, "
                    + $"state {Of(vf, "state")}, {Of(vf, "rate")}"
                ),
        ];
    }

    /// <summary>Three virtual functions, of which two are offered.</summary>
    private protected static string With(string? network, string address = Pf) =>
        $$$"""
            policies:
            - kind: SriovPolicy
              name: vfs
              spec:
                nodeSelector: {}
                physicalFunctions: [{addresses: ["{{{address}}}"]}]
                numVfs: 3
                pools: [{name: all, vfs: [{first: 0, last: 1}], resourceName: example.com/vf{{{(
                network is null ? "" : ", network: " + network
            )}}}}]

            """;
}

[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedVfNetworkScenarios : VfNetworkScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();

    [Fact]
    public async Task A_link_that_comes_back_with_another_speed_has_lost_all_rates_and_gets_them_again()
    {
        var node = new SimulatedNode();
        using var up = node.UseInterface(Pf, NetworkUse.MerelyUp);
        await using var bench = await ScenarioBench.StartAsync(node, With("{maxTxRate: 100}"));
        await bench.ReadyAsync();
        await bench.QuietAsync();
        node.Kernel.ChangeLinkSpeed(Pf);
        Assert.All(Vfs(node), v => Assert.EndsWith("max_tx_rate 0", v, StringComparison.Ordinal));
        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => Vfs(node)[1].EndsWith("max_tx_rate 100", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_guest_that_is_trusted_keeps_the_address_that_it_gave_itself_until_it_lets_go()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, With("{mac: {type: Hash}, trust: true}"));
        await bench.ReadyAsync();
        var given = Vfs(node)[0];
        using (await node.HoldAsync(FirstVf))
        {
            node.SetVf(Pf, "vf 0 mac", "02:00:00:00:00:99");
            bench.Host.Agent.Wake();
            await bench.QuietAsync();
            Assert.StartsWith("02:00:00:00:00:99", Vfs(node)[0], StringComparison.Ordinal);
            Assert.Equal("True", bench.Condition("Ready"));
        }

        bench.Host.Agent.Wake();
        await bench.UntilAsync(() => Vfs(node)[0] == given);
    }

    [Fact]
    public async Task A_function_without_a_network_interface_has_no_network_for_its_virtual_functions()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, With("{vlan: 100}", "0000:44:00.0"));
        await bench.UntilAsync(() => bench.Problem("vfs").Reason == Reasons.AttributeUnusable);
        Assert.Equal(
            "vf 0 vlan of 0000:44:00.0 cannot be set to \"100\": it cannot be read (ENODEV): the physical function has no network "
                + "interface in any network namespace of this host: give it its host driver, or remove network from the pool",
            bench.Problem("vfs").Message
        );
        Assert.Equal(0, bench.Kubelet.Allocatable("example.com/vf"));
    }
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what an interface has for virtual functions is the same whatever vfio offers
public sealed class RealVfNetworkScenarios : VfNetworkScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();

    [LabFact]
    public async Task What_a_virtual_function_sends_is_on_the_wire_with_its_pool_s_address_and_VLAN()
    {
        var node = NewNode();
        using var up = node.UseInterface(Pf, NetworkUse.MerelyUp);
        await using var bench = await ScenarioBench.StartAsync(node, With(Tenant));
        await bench.ReadyAsync();
        await bench.StopAgentAsync(); // what it set stands; from here on the function is driven as a guest would
        Sysfs.Bind(PciAddress.Parse(FirstVf), "igbvf");
        try
        {
            var sender = ScenarioNodes.InterfaceOf(node.Machine.Paths, FirstVf);
            Command.Run("ip", "link", "set", sender, "up"); // the kernel asks for IPv6 routers by itself
            await Waiting.UntilAsync(() => Wire.From(Address).Count > 0, node.PatienceSeconds);
            Assert.All(Wire.From(Address), f => Assert.Equal(WireFrame.TagOf(vlan: 100, priority: 3), f.Tag));
        }
        finally
        {
            Sysfs.Bind(PciAddress.Parse(FirstVf), "vfio-pci");
        }

        bench.StartAgent();
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }
}
