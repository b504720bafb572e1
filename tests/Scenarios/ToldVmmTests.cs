using System.Text.RegularExpressions;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
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

    private static async Task SeesAsync(string backend)
    {
        await using var bench = await ScenarioBench.StartAsync(
            new RealNode(),
            Desired.Policies(
                $$"""
                - kind: SriovPolicy
                  name: vf
                  spec:
                    nodeSelector: {}
                    vmmArguments: [Qemu]
                    physicalFunctions: [{addresses: ["0000:41:00.0"]}]
                    numVfs: 1
                    pools:
                    - {name: all, vfs: [{first: 0, last: 0}], resourceName: example.com/vf, iommuBackend: {{backend}}}

                """,
                Desired.HostDevice("gpu", Gpu, "vmmArguments: [Qemu]", $", groupPolicy: AssignSiblings, iommuBackend: {backend}"),
                Desired.Mdevs("serial", "mtty", "mtty-1", "mode: Static, count: 1", "vmmArguments: [Qemu]")
            )
        );
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
            await vm.SaysAsync($":00.0 id={IdOf(Gpu)}", FirmwareSeconds);
            await vm.SaysAsync($":00.1 id={IdOf("0000:43:00.1")}", FirmwareSeconds);
            var found = Regex.Matches(vm.Firmware, @"PCI: init bdf=(\S+) id=(\S+)");
            string SlotOf(string id) => Assert.Single(found, m => m.Groups[2].Value == id).Groups[1].Value.Split('.')[0];
            Assert.Equal(SlotOf(IdOf(Gpu)), SlotOf(IdOf("0000:43:00.1")));
            Assert.True(vm.Runs);
        }

        await GoneAsync(bench, pod);
        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
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
