using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Scenarios;
using D = Hostdev.Tests.Scenarios.Desired;

namespace Hostdev.Tests.Commands;

/// <summary>A host, what is desired of it where no agent runs, and the device that is asked about.</summary>
internal sealed record Situation(string Device, string Desired)
{
    public MachineDescription? Machine { get; init; }

    /// <summary>What was done to the host before.</summary>
    public Func<IScenarioNode, Task> Before { get; init; } = _ => Task.CompletedTask;

    /// <summary>The break-glass file is there.</summary>
    public bool IsDisabled { get; init; }
}

/// <summary>The same beside an agent that has brought it about.</summary>
/// <param name="Device">Null for the first that is offered.</param>
internal sealed record RunningSituation(string? Device, string Desired)
{
    /// <summary>The resource of which a pod has one.</summary>
    public string? Pod { get; init; }

    /// <summary>What is desired then.</summary>
    public string? Then { get; init; }
}

internal static class Situations
{
    private const string Gpu = "0000:43:00.0";
    private const string Nic = "0000:81:00.0";
    private const string Hold = ", groupPolicy: HoldSiblings";
    private const string IgbVf = "0000:81:10.0";
    private const string Stick = "serial: LABUSB0";

    public static IReadOnlyDictionary<string, Situation> All { get; } =
        new Dictionary<string, Situation>(StringComparer.Ordinal)
        {
            ["pci-nobody-asks"] = new(Gpu, D.Nothing),
            ["pci-undeclared-sibling"] = new(Gpu, D.Policies(D.HostDevice("gpu", Gpu))),
            ["pci-siblings-held"] = new(Gpu, D.Policies(D.HostDevice("gpu", Gpu, pci: Hold))),
            ["pci-held-sibling"] = new("0000:43:00.1", D.Policies(D.HostDevice("gpu", Gpu, pci: Hold))),
            ["pci-siblings-assigned"] = new("0000:43:00.1", D.Policies(D.HostDevice("gpu", Gpu, pci: ", groupPolicy: AssignSiblings"))),
            ["pci-declared-member"] = new(
                "0000:45:00.1",
                D.Policies(D.HostDevice("dual", "0000:45:00.0", pci: ", members: [{function: 1, assigned: false}]"))
            ),
            ["pci-behind-a-bridge"] = new("0000:04:01.0", D.Policies(D.HostDevice("edu", "0000:04:01.0"))),
            ["pci-behind-a-bridge-held"] = new("0000:04:02.0", D.Policies(D.HostDevice("edu", "0000:04:01.0", pci: Hold))),
            ["pci-bridge"] = new("0000:40:00.0", D.Policies(D.HostDevice("port", "0000:40:00.0"))),
            ["pci-root-port-without-acs"] = new("0000:86:00.0", D.Policies(D.HostDevice("nic", "0000:86:00.0"))),
            ["pci-disk-mounted"] = new("0000:84:00.0", D.Policies(D.HostDevice("disk", "0000:84:00.0")))
            {
                Before = n => Do(() => n.MountDisk("0000:84:00.0", "/data")),
            },
            ["pci-disk-open"] = new("0000:84:00.0", D.Policies(D.HostDevice("disk", "0000:84:00.0")))
            {
                Before = n => Do(() => n.UseDisk("0000:84:00.0", DiskUse.Open)),
            },
            ["pci-disk-protected-and-overridden"] = new(
                "0000:84:00.0",
                D.Policies(D.HostDevice("disk", "0000:84:00.0", more: "allowProtected: [Storage]"))
            )
            {
                Before = n => Do(() => n.MountDisk("0000:84:00.0", "/data")),
            },
            ["pci-nic-with-an-address-and-a-sibling"] = new("0000:45:00.0", D.Policies(D.HostDevice("nic", "0000:45:00.0")))
            {
                Before = n => Do(() => n.UseInterface("0000:45:00.0", NetworkUse.Address)),
            },
            ["pci-nic-in-a-bond"] = new("0000:86:00.0", D.Policies(D.HostDevice("nic", "0000:86:00.0")))
            {
                Before = n => Do(() => n.UseInterface("0000:86:00.0", NetworkUse.Bond)),
            },
            ["pci-usb-controller-with-a-mounted-stick"] = new("0000:01:00.0", D.Policies(D.HostDevice("usb", "0000:01:00.0")))
            {
                Before = n => Do(() => n.Mount("sdb", "/mnt")),
            },
            ["pci-console"] = new("0000:42:00.0", D.Policies(D.HostDevice("gpu", "0000:42:00.0", pci: Hold)))
            {
                Before = n => Do(n.LoadDisplayDriver),
            },
            ["pci-no-iommu"] = new(Gpu, D.Policies(D.HostDevice("gpu", Gpu))) { Machine = LabMachine.WithoutIommu },
            ["pci-no-interrupt-remapping-and-more"] = new(Gpu, D.Policies(D.HostDevice("gpu", Gpu)))
            {
                Machine = LabMachine.Description with { InterruptRemapping = false },
            },
            ["pci-late"] = new("0000:86:00.0", D.Policies(D.HostDevice("nic", "0000:86:00.0", more: "binding: OnAllocate"))),
            ["pci-late-in-use"] = new("0000:86:00.0", D.Policies(D.HostDevice("nic", "0000:86:00.0", more: "binding: OnAllocate")))
            {
                Before = n => Do(() => n.UseInterface("0000:86:00.0", NetworkUse.Address)),
            },
            ["pci-late-slow-driver"] = new("0000:47:00.0", D.Policies(D.HostDevice("scsi", "0000:47:00.0", more: "binding: OnAllocate"))),
            ["pci-driver-missing"] = new(Gpu, D.Policies(D.HostDevice("gpu", Gpu, pci: Hold + ", driver: {type: Named, name: gpu_vfio}"))),
            ["pci-two-policies"] = new(
                Gpu,
                D.Policies(D.HostDevice("first", Gpu, pci: Hold), D.HostDevice("second", Gpu, more: "priority: -1", pci: Hold))
            ),
            ["pci-frozen"] = new(Gpu, D.Policies(D.HostDevice("gpu", Gpu, more: "quantum: true"))),
            ["pci-disabled"] = new(Gpu, D.Policies(D.HostDevice("gpu", Gpu, pci: Hold))) { IsDisabled = true },
            ["pci-pf-with-vfs"] = new(Nic, D.Policies(D.HostDevice("nic", Nic))) { Before = n => Do(() => MakeVfs(n, 2)) },
            ["pci-vf-not-meant"] = new(IgbVf, D.Policies(ByDevice("10ca", "false"))) { Before = n => Do(() => MakeVfs(n, 2)) },
            ["pci-vf-meant"] = new(IgbVf, D.Policies(ByDevice("10ca", "true"))) { Before = n => Do(() => MakeVfs(n, 2)) },
            ["sriov-new"] = new(Nic, D.Policies(D.Vfs(2))),
            ["sriov-new-settings"] = new("0000:41:00.0", D.EverythingSet),
            ["sriov-foreign-number"] = new(Nic, D.Policies(D.Vfs(4))) { Before = n => Do(() => MakeVfs(n, 2)) },
            ["sriov-too-many"] = new(Nic, D.Policies(D.Vfs(99))),
            ["sriov-in-no-pool"] = new("0000:81:10.4", D.Policies(External())) { Before = n => Do(() => MakeVfs(n, 4)) },
            ["sriov-host-pool"] = new("0000:81:10.2", D.Policies(External())) { Before = n => Do(() => MakeVfs(n, 4)) },
            ["sriov-in-a-pool"] = new(IgbVf, D.Policies(External())) { Before = n => Do(() => MakeVfs(n, 4)) },
            ["sriov-external-pf"] = new(Nic, D.Policies(External())) { Before = n => Do(() => MakeVfs(n, 4)) },
            ["sriov-no-capability"] = new("0000:86:00.0", D.Policies(D.Vfs(2, "0000:86:00.0"))),
            ["sriov-two-things"] = new(Nic, D.Policies(D.Vfs(4)))
            {
                Machine = LabMachine.Description with { InterruptRemapping = false },
                Before = n => Do(() => n.UnloadDriver("igb")),
            },
            ["sriov-nvme"] = new("0000:44:00.0", D.Policies(D.Vfs(2, "0000:44:00.0"))),
            ["mdev-static"] = new(
                "686f7374-6465-8055-be32-ce7e8dbecd24",
                D.Policies(D.Mdevs("tty", "mtty", "mtty-2", "mode: Static, count: 2"))
            ),
            ["mdev-two-types"] = new(
                "686f7374-6465-8543-ab6b-0c8dfbde999c",
                D.Policies(
                    D.Mdevs("dual", "mtty", "mtty-2", "mode: Static, count: 2"),
                    D.Mdevs("single", "mtty", "mtty-1", "mode: Static, count: 3")
                )
            ),
            ["mdev-on-demand"] = new(
                "686f7374-6465-8584-afe8-02b8d00c0343",
                D.Policies(D.Mdevs("tty", "mtty", "mtty-1", "mode: OnDemand, max: 2"))
            ),
            ["mdev-too-many"] = new(
                "686f7374-6465-8055-be32-ce7e8dbecd24",
                D.Policies(D.Mdevs("tty", "mtty", "mtty-2", "mode: Static, count: 20"))
            ),
            ["mdev-no-such-type"] = new(
                "686f7374-6465-8055-be32-ce7e8dbecd24",
                D.Policies(D.Mdevs("tty", "mtty", "mtty-9", "mode: Static, count: 1"))
            ),
            ["mdev-of-others"] = new(Foreign, D.Policies(D.Mdevs("tty", "mtty", "mtty-2", "mode: Static, count: 1")))
            {
                Before = n => Do(() => n.Write(("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create", Foreign))),
            },
            ["vgpu-static"] = new("0000:41:10.0", D.Policies(D.Vgpus("vgpu", "0000:41:00.0", "typeId: \"902\"", "mode: Static, count: 2")))
            {
                Before = n => Do(() => MakeVgpus(n)),
            },
            ["vgpu-without-vfs"] = new(
                "0000:41:00.0",
                D.Policies(D.Vgpus("vgpu", "0000:41:00.0", "typeId: \"902\"", "mode: Static, count: 2"))
            ),
            ["vgpu-by-a-host-device"] = new("0000:41:10.0", D.Policies(D.HostDevice("vf", "0000:41:10.0", pci: ", virtualFunctions: true")))
            {
                Before = n => Do(() => MakeVgpus(n)),
            },
            ["usb-nobody-asks"] = new("1-2", D.Nothing),
            ["usb-lent"] = new("1-2", D.Policies(D.UsbDevice("keyboard", "vendor: \"0627\""))),
            ["usb-stick-mounted"] = new("2-1", D.Policies(D.UsbDevice("stick", Stick))) { Before = n => Do(() => n.Mount("sdb", "/mnt")) },
            ["usb-stick-mounted-by-two-policies"] = new(
                "2-1",
                D.Policies(D.UsbDevice("stick", Stick), D.UsbDevice("other", Stick, more: "priority: -1"))
            )
            {
                Before = n => Do(() => n.Mount("sdb", "/mnt")),
            },
            ["scsi-nobody-asks"] = new("0:0:0:0", D.Nothing),
            ["scsi-lent"] = new("0:0:0:0", D.Policies(D.ScsiDevice("disk", "serial: LABSCSI0"))),
            ["scsi-mounted"] = new("0:0:0:0", D.Policies(D.ScsiDevice("disk", "serial: LABSCSI0")))
            {
                Before = n => Do(() => n.MountDisk("0:0:0:0", "/data")),
            },
            ["scsi-not-there"] = new("0:0:0:0", D.Policies(D.ScsiDevice("disk", "serial: NOSUCH"))),
            ["scsi-without-a-name"] = new("0:0:1:0", D.Policies(D.ScsiDevice("cd", "address: \"0:0:1:0\""))),
            ["scsi-two-paths-one-mounted"] = new("0:0:2:0", D.Policies(D.ScsiDevice("disk", "serial: LABPATHS")))
            {
                Before = n =>
                    Do(() =>
                    {
                        n.PlugPath(0, 2);
                        n.PlugPath(1, 0);
                        n.MountDisk("0:0:2:0", "/data");
                    }),
            },
        };

    public static IReadOnlyDictionary<string, RunningSituation> Running { get; } =
        new Dictionary<string, RunningSituation>(StringComparer.Ordinal)
        {
            ["running-offered"] = new(Gpu, D.Policies(D.HostDevice("gpu", Gpu, pci: Hold))),
            ["running-held"] = new("0000:43:00.1", D.Policies(D.HostDevice("gpu", Gpu, pci: Hold))),
            ["running-with-a-pod"] = new(Gpu, D.Policies(D.HostDevice("gpu", Gpu, pci: Hold))) { Pod = "example.com/gpu" },
            ["running-waits-for-a-pod"] = new(Gpu, D.Policies(D.HostDevice("gpu", Gpu, pci: Hold)))
            {
                Pod = "example.com/gpu",
                Then = D.Nothing,
            },
            ["running-number-waits-for-a-pod"] = new(Nic, D.Policies(D.Vfs(2))) { Pod = "example.com/vf", Then = D.Policies(D.Vfs(4)) },
            ["running-vf"] = new(IgbVf, D.Policies(D.Vfs(2))),
            ["running-pf"] = new(Nic, D.Policies(D.Vfs(2))),
            ["running-mdev"] = new(null, D.Policies(D.Mdevs("tty", "mtty", "mtty-2", "mode: Static, count: 1")))
            {
                Pod = "example.com/tty",
            },
            ["running-usb-lent-to-a-pod"] = new("2-1", D.Policies(D.UsbDevice("stick", Stick))) { Pod = "example.com/stick" },
            ["running-scsi-lent-to-a-pod"] = new("0:0:0:0", D.Policies(D.ScsiDevice("disk", "serial: LABSCSI0")))
            {
                Pod = "example.com/disk",
            },
        };

    private const string Foreign = "11111111-2222-8333-8444-555555555555";

    private static Task Do(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    private static void MakeVfs(IScenarioNode node, int count) => node.Write(($"/sys/bus/pci/devices/{Nic}/sriov_numvfs", $"{count}"));

    private static void MakeVgpus(IScenarioNode node)
    {
        node.LoadDriver("vgpu-standin");
        node.Write(
            ("/sys/bus/pci/devices/0000:41:00.0/sriov_drivers_autoprobe", "0"),
            ("/sys/bus/pci/devices/0000:41:00.0/sriov_numvfs", "2")
        );
        foreach (var vf in (string[])["0000:41:10.0", "0000:41:10.2"])
            node.Write(($"/sys/bus/pci/devices/{vf}/driver_override", "vgpu-standin"), ("/sys/bus/pci/drivers_probe", vf));
    }

    private static string ByDevice(string device, string virtualFunctions) =>
        $$$"""
            - kind: HostDevice
              name: nics
              spec:
                resourceName: example.com/nics
                nodeSelector: {}
                devices: {pci: {selectors: [{vendor: "8086", device: "{{{device}}}"}], virtualFunctions: {{{virtualFunctions}}}}}

            """;

    /// <summary>VF 0 for VMs, VF 1 for the host, VFs 2 and 3 in no pool.</summary>
    private static string External() =>
        $$$"""
            - kind: SriovPolicy
              name: vfs
              spec:
                nodeSelector: {}
                physicalFunctions: [{addresses: ["{{{Nic}}}"]}]
                management: External
                pools:
                - {name: vms, vfs: [{first: 0, last: 0}], resourceName: example.com/vf}
                - {name: host, vfs: [{first: 1, last: 1}], driver: {type: Native}}

            """;
}
