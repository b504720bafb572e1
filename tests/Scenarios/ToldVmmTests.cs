using System.Text.RegularExpressions;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// A VMM that is started from nothing but what Allocate told the container: QEMU's firmware finds the devices where the guest is to have
/// them.
/// </summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class ToldVmmTests
{
    private const string Vf = "8086:10ca"; // igb's
    private const string Mtty = "4348:3253";
    private const string Gpu = "0000:43:00.0";
    private const double FirmwareSeconds = 240;

    [LabFact]
    public async Task By_groups_a_VM_sees_the_VF_the_card_of_two_functions_and_the_mediated_device() => await SeesAsync("Legacy");

    [LabFact]
    [Trait(LabFacts.Vfio, LabFacts.Cdev)]
    public async Task By_iommufd_a_VM_sees_the_VF_the_card_of_two_functions_and_the_mediated_device() => await SeesAsync("LegacyAndCdev");

    [LabFact]
    [Trait(LabFacts.Vfio, LabFacts.Cdev)]
    public async Task A_VM_finds_the_stick_and_the_disk_behind_the_controllers_that_it_was_told_of()
    {
        await using var bench = await ScenarioBench.StartAsync(
            new RealNode(),
            Desired.Policies(
                Desired.UsbDevice("stick", "serial: LABUSB0", "vmmArguments: [Qemu]"),
                Desired.ScsiDevice("disk", "serial: LABSCSI0", "vmmArguments: [Qemu]")
            )
        );
        await bench.ReadyAsync();
        var pod = await PodAsync(bench, "example.com/stick", "example.com/disk");
        using (var vm = NestedVmm.Told(Arguments(pod)))
        {
            await vm.SaysAsync("virtio-scsi vendor='QEMU' product='QEMU HARDDISK'", FirmwareSeconds);
            await vm.SaysAsync("USB MSC vendor='QEMU' product='QEMU HARDDISK'", FirmwareSeconds);
        }

        await GoneAsync(bench, pod);
        await bench.UntilAsync(() => bench.Host.Journal.State.Ownership.Loans.IsEmpty);
    }

    /// <summary>
    /// An emulated kernel on an emulated one takes minutes to boot, so this runs with <c>hack/lab test --nested</c> alone.
    /// </summary>
    [LabFact]
    [Trait(LabFacts.Vfio, LabFacts.Cdev)]
    [Trait(ShippedPrograms.Needs, LabFacts.Nested)]
    public async Task A_Linux_boots_with_them_and_sends_by_the_VF_what_the_wire_has_with_its_address_and_VLAN()
    {
        var node = new RealNode();
        using var up = node.UseInterface(Pf, NetworkUse.MerelyUp);
        await using var bench = await ScenarioBench.StartAsync(node, Policies("LegacyAndCdev"));
        await bench.ReadyAsync();
        var pod = await PodAsync(bench, "example.com/vf", "example.com/gpu", "example.com/serial");
        using (var guest = new NestedGuest(Guest))
        using (var vm = NestedVmm.Told(Arguments(pod), guest.Arguments))
        {
            await vm.SaysAsync("GUEST: done", BootSeconds);
            Assert.Contains($"GUEST: {Address} carrier 1", vm.Console, StringComparison.Ordinal);
            AssertHasAll(Regex.Matches(vm.Console, @"GUEST: 0000:(\S+) is (\S+)"));
        }

        Assert.Contains(Wire.From(Address), f => f.Type == WireFrame.Arp);
        Assert.All(Wire.From(Address), f => Assert.Equal(WireFrame.TagOf(vlan: 100, priority: 0), f.Tag));
        await GoneAsync(bench, pod);
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    private const string Pf = "0000:41:00.0";
    private const string Address = "52:54:00:aa:00:11";
    private const double BootSeconds = 1200;

    /// <summary>Says which functions there are; then asks by the VF's interface for an address that nobody has.</summary>
    private const string Guest = """
        for device in /sys/bus/pci/devices/*; do
          id="$(cat $device/vendor):$(cat $device/device)"
          echo "GUEST: ${device##*/} is $(echo $id | sed s/0x//g)"
        done
        ip link set eth0 up
        tries=0
        while [ "$(cat /sys/class/net/eth0/carrier)" != 1 ] && [ $tries -lt 120 ]; do sleep 1; tries=$((tries + 1)); done
        echo "GUEST: $(cat /sys/class/net/eth0/address) carrier $(cat /sys/class/net/eth0/carrier)"
        arping -c 3 -I eth0 -s 192.0.2.1 192.0.2.2
        echo "GUEST: done"
        """;

    private static string Policies(string backend) =>
        Desired.Policies(
            $$"""
            - kind: SriovPolicy
              name: vf
              spec:
                nodeSelector: {}
                vmmArguments: [Qemu]
                physicalFunctions: [{addresses: ["{{Pf}}"]}]
                numVfs: 1
                pools:
                - name: all
                  vfs: [{first: 0, last: 0}]
                  resourceName: example.com/vf
                  iommuBackend: {{backend}}
                  network: {mac: {type: List, addresses: ["{{Address}}"]}, vlan: 100}

            """,
            Desired.HostDevice("gpu", Gpu, "vmmArguments: [Qemu]", $", groupPolicy: AssignSiblings, iommuBackend: {backend}"),
            Desired.Mdevs("serial", "mtty", "mtty-1", "mode: Static, count: 1", "vmmArguments: [Qemu]")
        );

    private static async Task SeesAsync(string backend)
    {
        await using var bench = await ScenarioBench.StartAsync(new RealNode(), Policies(backend));
        await bench.ReadyAsync();
        var pod = await PodAsync(bench, "example.com/vf", "example.com/gpu", "example.com/serial");
        var byIommufd = backend == "LegacyAndCdev";
        var arguments = Arguments(pod);
        Assert.Equal(byIommufd, arguments.Contains("iommufd=", StringComparison.Ordinal));
        Assert.Equal(byIommufd, pod.DeviceNodes.Contains("/dev/iommu"));
        using (var vm = NestedVmm.Told(arguments))
        {
            await vm.SaysAsync($" id={Vf}", FirmwareSeconds);
            await vm.SaysAsync($" id={Mtty}", FirmwareSeconds);
            await vm.SaysAsync($":00.1 id={IdOf("0000:43:00.1")}", FirmwareSeconds);
            AssertHasAll(Regex.Matches(vm.Firmware, @"PCI: init bdf=(\S+) id=(\S+)"));
            Assert.True(vm.Runs);
        }

        await GoneAsync(bench, pod);
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
    }

    /// <summary>Each once, and both functions of the card in one slot, at their own numbers.</summary>
    /// <param name="found">Address (bus, device, function) and IDs of what a VM has.</param>
    private static void AssertHasAll(IEnumerable<Match> found)
    {
        string AddressOf(string id) => Assert.Single(found, m => m.Groups[2].Value == id).Groups[1].Value;
        AddressOf(Vf);
        AddressOf(Mtty);
        var (display, audio) = (AddressOf(IdOf(Gpu)), AddressOf(IdOf("0000:43:00.1")));
        Assert.EndsWith(".0", display, StringComparison.Ordinal);
        Assert.Equal(display[..^1] + "1", audio);
    }

    private static string Arguments(SimulatedPod pod) =>
        string.Join(' ', pod.Envs.Where(e => e.Key.EndsWith("_QEMU_ARGS", StringComparison.Ordinal)).Select(e => e.Value));

    private static string IdOf(string function)
    {
        string Id(string file) => File.ReadAllText($"/sys/bus/pci/devices/{function}/{file}").Trim()["0x".Length..];
        return $"{Id("vendor")}:{Id("device")}";
    }

    private static async Task<SimulatedPod> PodAsync(ScenarioBench bench, params string[] resources)
    {
        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm", resources.ToDictionary(r => r, _ => 1, StringComparer.Ordinal));
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        return pod;
    }

    private static async Task GoneAsync(ScenarioBench bench, SimulatedPod pod)
    {
        bench.Kubelet.DeletePod(pod.Namespace, pod.Name);
        await bench.UntilAsync(() => bench.Host.Allocator.Ledger.ById.IsEmpty);
    }
}
