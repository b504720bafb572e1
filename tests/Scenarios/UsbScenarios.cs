using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>USB devices: a stick at the speed of USB 3 in the first socket of the lab's controller, a keyboard in the second.</summary>
public abstract class UsbScenarios
{
    private const string Stick = "0000:01:00.0/1";
    private const string OwnedByQemu = "107:107 0660";

    private protected abstract IScenarioNode NewNode();

    [Fact]
    public async Task A_stick_is_lent_with_its_node_and_comes_back_with_its_driver_though_the_VMM_was_killed()
    {
        var node = NewNode();
        var before = node.Snapshot();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.UsbDevice("stick", "serial: LABUSB0")));
        await bench.ReadyAsync();
        Assert.Equal([Stick], Offered(bench, "stick"));
        Assert.Equal(0, bench.Host.Writer.Writes); // until somebody is given it, it is the host's
        Assert.Equal("usb-storage", DriverOf(node, "2-1"));

        var pod = await AdmitAsync(bench, "vm", "stick");
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        var usbNode = NodeOf(node, "2-1");
        Assert.Equal(AddressOf(node, "2-1"), pod.Envs["USB_RESOURCE_EXAMPLE_COM_STICK"]);
        Assert.Equal([usbNode], pod.DeviceNodes);
        Assert.Equal(OwnedByQemu, OwnerOf(node, usbNode));
        Assert.Empty(KubeVirtOracle.Problems(node.Machine.Paths, pod, bench.Kubelet.Pods));

        using (await node.HoldUsbAsync(usbNode))
        {
            Assert.NotEqual("usb-storage", DriverOf(node, "2-1"));
            bench.Desire(Desired.Nothing);
            await bench.QuietAsync();
            Assert.NotEqual("usb-storage", DriverOf(node, "2-1"));
        }

        // The VMM is gone, and nobody gave the stick back: that is done when the pod is proven gone.
        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.GivenBackAsync();
        await bench.UntilAsync(() => OwnerOf(node, usbNode) != OwnedByQemu);
        Assert.Equal("usb-storage", DriverOf(node, "2-1"));
        Assert.Empty(TreeSnapshot.Diff(before, node.Snapshot()));
    }

    [Fact]
    public async Task Unplugged_it_is_unhealthy_and_plugged_in_again_it_has_its_ID_and_another_number()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.UsbDevice("stick", "serial: LABUSB0")));
        await bench.ReadyAsync();
        var first = AddressOf(node, "2-1");
        await node.UnplugAsync(UsbThing.Stick);
        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/stick") == 0);

        await node.PlugAsync(UsbThing.Stick, 1);
        await bench.UntilAsync(() => Offered(bench, "stick") is [Stick]);
        Assert.NotEqual(first, AddressOf(node, "2-1"));
        var pod = await AdmitAsync(bench, "vm", "stick");
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        Assert.Equal(AddressOf(node, "2-1"), pod.Envs["USB_RESOURCE_EXAMPLE_COM_STICK"]);
    }

    [Fact]
    public async Task A_serial_number_follows_a_stick_to_another_socket_and_a_port_stays_where_it_is_whatever_the_speed()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(
                Desired.UsbDevice("first-socket", "port: \"0000:01:00.0/1\", vendor: \"0627\""),
                Desired.UsbDevice("stick", "serial: LABUSB0")
            )
        );
        await bench.ReadyAsync();
        Assert.Equal([Stick], Offered(bench, "stick"));
        await node.UnplugAsync(UsbThing.Stick);
        await node.UnplugAsync(UsbThing.Keyboard);
        await node.PlugAsync(UsbThing.Stick, 4);
        await node.PlugAsync(UsbThing.Keyboard, 1);

        await bench.UntilAsync(() => Offered(bench, "stick") is ["0000:01:00.0/4"] && Offered(bench, "first-socket") is [Stick]);
        Assert.True(Directory.Exists(node.Machine.Paths.Resolve("/sys/bus/usb/devices/2-4"))); // the bus of USB 3
        Assert.True(Directory.Exists(node.Machine.Paths.Resolve("/sys/bus/usb/devices/1-1"))); // and the one of USB 2
        var pod = await AdmitAsync(bench, "vm", "first-socket");
        Assert.Equal((PodPhase.Running, AddressOf(node, "1-1")), (pod.Phase, pod.Envs["USB_RESOURCE_EXAMPLE_COM_FIRST-SOCKET"]));
    }

    [Fact]
    public async Task A_mounted_stick_is_given_to_nobody_and_its_mount_point_is_named()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(node, Desired.Policies(Desired.UsbDevice("stick", "serial: LABUSB0")));
        await bench.ReadyAsync();
        await bench.UntilAsync(() => ScenarioNodes.DiskOfUsb(node.Machine.Paths, "2-1") is not null);
        var disk = ScenarioNodes.DiskOfUsb(node.Machine.Paths, "2-1")!;
        using (node.Mount(disk, "/mnt"))
        {
            // It was offered a moment ago: who is given it now is refused, with the name of the use.
            var pod = await AdmitAsync(bench, "vm", "stick");
            Assert.Equal(PodPhase.Failed, pod.Phase);
            Assert.Matches("in use: 0000:01:00.0/1: sd[a-z] is mounted at /mnt", pod.Message);
            // By the refusal; or by a look at the machine, where that came first.
            await bench.UntilAsync(() =>
                (bench.Problem("stick").Reason == Reasons.InUse || bench.Problem("stick").Reason == Reasons.Protected)
                && bench.Kubelet.Allocatable("example.com/stick") == 0
            );
        }

        await bench.UntilAsync(() => bench.Kubelet.Allocatable("example.com/stick") == 1);
        Assert.Empty(bench.Host.Journal.State.Ownership.Loans);
        await bench.StopAgentAsync();
        using (node.Mount(disk, "/mnt"))
        {
            bench.StartAgent();
            await bench.UntilAsync(() => bench.Problem("stick").Reason == Reasons.Protected);
            Assert.Matches(
                "^0000:01:00.0/1 \\(2-1, 46f4:0001 .*\\) is in use: sd[a-z] is mounted at /mnt: the host needs it; free it, or list "
                    + "Storage in allowProtected together with its port$",
                bench.Problem("stick").Message
            );
            Assert.Equal(0, bench.Kubelet.Allocatable("example.com/stick"));
        }
    }

    [Fact]
    public async Task The_last_keyboard_stays_where_somebody_can_log_in_at_a_terminal()
    {
        var node = NewNode();
        node.LoadUsbDriver("usbhid");
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.UsbDevice("keys", "vendor: \"0627\"")),
            start: false
        );
        using (node.OpenTerminal(5))
        {
            bench.StartAgent();
            await bench.ReadyAsync(); // the board's own keyboard stays
            Assert.Single(Offered(bench, "keys"));
            await bench.StopAgentAsync();
            node.Write(("/sys/bus/serio/drivers/atkbd/unbind", "serio0"));
            bench.StartAgent();
            await bench.UntilAsync(() => bench.Problem("keys").Reason == Reasons.Protected);
            Assert.Matches(
                "^0000:01:00.0/2 \\(1-2, 0627:0001 .*\\) is in use: it is this host's last keyboard, and /dev/tty5 is open in process "
                    + "[0-9]+ \\([a-z]+\\): the host needs it; free it, or list Console in allowProtected together with its port$",
                bench.Problem("keys").Message
            );
            await bench.StopAgentAsync();
        }

        bench.StartAgent();
        await bench.ReadyAsync();
        var pod = await AdmitAsync(bench, "vm", "keys");
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        using (await node.HoldUsbAsync(NodeOf(node, "1-2")))
            Assert.NotEqual("usbhid", DriverOf(node, "1-2"));
        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.UntilAsync(() => DriverOf(node, "1-2") == "usbhid");
    }

    [Fact]
    public async Task What_a_pod_had_and_has_no_more_is_said_and_what_comes_in_its_place_is_not_the_pod_s()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.UsbDevice("socket", "port: \"0000:01:00.0/1\""))
        );
        await bench.ReadyAsync();
        var pod = await AdmitAsync(bench, "vm", "socket");
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        await node.UnplugAsync(UsbThing.Stick);
        await node.UnplugAsync(UsbThing.Keyboard);
        await bench.UntilAsync(() => bench.Problem("socket").Reason == Reasons.LentAndLost);
        Assert.Equal(
            "0000:01:00.0/1, which a pod was given as 46f4:0001:LABUSB0, is not there any more: the pod does not have it; restart its VM "
                + "when it is back, or delete the pod",
            bench.Problem("socket").Message
        );

        await node.PlugAsync(UsbThing.Keyboard, 1);
        await bench.UntilAsync(() => bench.Problem("socket").Message.Contains("is 0627:0001:", StringComparison.Ordinal));
        var outdated = await bench.Kubelet.RestartContainerAsync(pod.Namespace, pod.Name);
        Assert.Contains("delete the pod, so that it is allocated anew", outdated.Message, StringComparison.Ordinal);

        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.UntilAsync(() => bench.Problem("socket").Reason == Reasons.Unsaid);
        var next = await AdmitAsync(bench, "vm-2", "socket");
        Assert.Equal((PodPhase.Running, AddressOf(node, "1-1")), (next.Phase, next.Envs["USB_RESOURCE_EXAMPLE_COM_SOCKET"]));
    }

    [Fact]
    public async Task A_controller_and_what_is_below_it_are_one_policy_s_and_a_pod_that_has_the_one_keeps_the_other()
    {
        var node = NewNode();
        await using var bench = await ScenarioBench.StartAsync(
            node,
            Desired.Policies(Desired.UsbDevice("stick", "serial: LABUSB0", "priority: 10"), Desired.HostDevice("xhci", "0000:01:00.0"))
        );
        await bench.UntilAsync(() => bench.Problem("xhci").Reason == Reasons.ClaimedByOther && Offered(bench, "stick").Count == 1);
        var pod = await AdmitAsync(bench, "vm", "stick");
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));

        bench.Desire(
            Desired.Policies(Desired.UsbDevice("stick", "serial: LABUSB0"), Desired.HostDevice("xhci", "0000:01:00.0", "priority: 10"))
        );
        await bench.UntilAsync(() =>
            bench.Problem("xhci").Reason == Reasons.InUse && bench.Problem("stick").Reason == Reasons.ClaimedByOther
        );
        Assert.StartsWith("0000:01:00.0/1 is in use: pod vms/vm has 0000:01:00.0/1: it is taken", bench.Problem("xhci").Message);
        Assert.Equal("xhci_hcd", bench.Driver("0000:01:00.0"));

        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.UntilAsync(() => bench.Driver("0000:01:00.0") == "vfio-pci" && Offered(bench, "xhci").Count == 1);
        await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Loans.IsEmpty);
        bench.Desire(Desired.Policies(Desired.UsbDevice("stick", "serial: LABUSB0")));
        await bench.UntilAsync(() => Offered(bench, "stick") is [Stick]);
    }

    private protected static List<string> Offered(ScenarioBench bench, string policy) =>
        [.. bench.Kubelet.Devices($"example.com/{policy}").Where(d => d.Healthy).Select(d => d.Id).Order(StringComparer.Ordinal)];

    private protected static Task<SimulatedPod> AdmitAsync(ScenarioBench bench, string name, string policy) =>
        bench.Kubelet.AdmitPodAsync("vms", name, new Dictionary<string, int>(StringComparer.Ordinal) { [$"example.com/{policy}"] = 1 });

    /// <param name="device">As sysfs names it.</param>
    private protected static string? DriverOf(IScenarioNode node, string device) =>
        new DirectoryInfo(node.Machine.Paths.Resolve($"/sys/bus/usb/devices/{device}:1.0/driver")).LinkTarget is { } link
            ? Path.GetFileName(link)
            : null;

    private protected static string AddressOf(IScenarioNode node, string device) =>
        $"{Number(node, device, "busnum")}:{Number(node, device, "devnum")}";

    private protected static string NodeOf(IScenarioNode node, string device) =>
        $"/dev/bus/usb/{Number(node, device, "busnum"):D3}/{Number(node, device, "devnum"):D3}";

    private protected static string OwnerOf(IScenarioNode node, string path)
    {
        var owner = node.Machine.Calls.ReadOwner(path).Owner;
        return $"{owner.Uid}:{owner.Gid} {Convert.ToString(owner.Mode, 8).PadLeft(4, '0')}";
    }

    private static int Number(IScenarioNode node, string device, string file) =>
        int.Parse(File.ReadAllText(node.Machine.Paths.Resolve($"/sys/bus/usb/devices/{device}/{file}")));
}

[Trait(Pace.Name, Pace.Slow)]
public sealed class SimulatedUsbScenarios : UsbScenarios
{
    private protected override IScenarioNode NewNode() => new SimulatedNode();
}

[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // USB is the same whatever vfio offers
public sealed class RealUsbScenarios : UsbScenarios
{
    private protected override IScenarioNode NewNode() => new RealNode();
}
