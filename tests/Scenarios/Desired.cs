namespace Hostdev.Tests.Scenarios;

/// <summary>The desired states that scenarios use, in the words an admin would write.</summary>
internal static class Desired
{
    public const string Nothing = "policies: []\n";

    /// <summary>
    /// The lab's hardware, some of each: VFs in two pools, in a Native one and in none, NVMe VFs, GPU with audio, a dual-port NIC, no ACS,
    /// behind a PCI bridge.
    /// </summary>
    public const string Everything = """
        policies:
        - kind: SriovPolicy
          name: nics
          spec:
            nodeSelector: {}
            physicalFunctions: [{addresses: ["0000:41:00.0"]}]
            numVfs: 5
            deviceFile: {uid: 107, gid: 107, mode: "0660"}
            pools:
            - {name: a, vfs: [{first: 0, last: 1}], resourceName: example.com/nic-a}
            - {name: b, vfs: [{first: 2, last: 2}], resourceName: example.com/nic-b}
            - {name: host, vfs: [{first: 4, last: 4}], driver: {type: Native}}
        - kind: SriovPolicy
          name: nvme
          spec:
            nodeSelector: {}
            physicalFunctions: [{addresses: ["0000:44:00.0"]}]
            numVfs: 2
            pools:
            - {name: all, vfs: [{first: 0, last: 1}], resourceName: example.com/nvme-vf}
        - kind: HostDevice
          name: gpu
          spec:
            resourceName: example.com/gpu
            nodeSelector: {}
            deviceFile: {uid: 107, gid: 107, mode: "0600"}
            devices: {pci: {selectors: [{addresses: ["0000:43:00.0"]}], groupPolicy: HoldSiblings}}
        - kind: HostDevice
          name: dual
          spec:
            resourceName: example.com/dual
            nodeSelector: {}
            devices: {pci: {selectors: [{addresses: ["0000:45:00.0"]}], members: [{function: 1, assigned: false}]}}
        - kind: HostDevice
          name: noacs
          spec:
            resourceName: example.com/noacs
            nodeSelector: {}
            devices: {pci: {selectors: [{addresses: ["0000:86:00.0"]}]}}
        - kind: HostDevice
          name: behind-bridge
          spec:
            resourceName: example.com/edu
            nodeSelector: {}
            devices: {pci: {selectors: [{addresses: ["0000:04:01.0"]}], members: [{address: "0000:04:02.0", assigned: false}]}}

        """;

    /// <summary>VFs of <see cref="Everything"/> that the host keeps: one in no pool, one in a Native pool.</summary>
    public static IReadOnlyList<string> HostVfs { get; } = ["0000:41:10.6", "0000:41:11.0"];

    /// <summary>
    /// Another mind than <see cref="Everything"/>'s: fewer VFs, one of them Native now; the GPU under another policy and name; the other
    /// port first; no NVMe VFs, no bridge.
    /// </summary>
    public const string Changed = """
        policies:
        - kind: SriovPolicy
          name: nics
          spec:
            nodeSelector: {}
            physicalFunctions: [{addresses: ["0000:41:00.0"]}]
            numVfs: 2
            pools:
            - {name: a, vfs: [{first: 0, last: 0}], resourceName: example.com/nic-a}
            - {name: host, vfs: [{first: 1, last: 1}], driver: {type: Native}}
        - kind: HostDevice
          name: gpu-and-audio
          spec:
            resourceName: example.com/gpu-and-audio
            nodeSelector: {}
            devices: {pci: {selectors: [{addresses: ["0000:43:00.0"]}], groupPolicy: AssignSiblings}}
        - kind: HostDevice
          name: dual
          spec:
            resourceName: example.com/dual
            nodeSelector: {}
            devices: {pci: {selectors: [{addresses: ["0000:45:00.1"]}], members: [{function: 0, assigned: false}]}}
        - kind: HostDevice
          name: noacs
          spec:
            resourceName: example.com/noacs
            nodeSelector: {}
            devices: {pci: {selectors: [{addresses: ["0000:86:00.0"]}]}}

        """;

    /// <summary>
    /// <see cref="Everything"/>, with settings of the physical function and of some VFs, before and after these are made.
    /// </summary>
    public static string EverythingSet { get; } =
        Everything
            .Replace(
                "    numVfs: 5\n",
                """
                    numVfs: 5
                    attributes:
                    - {file: d3cold_allowed, value: "0", when: BeforeVfs}
                    - {file: power/control, value: auto}
                    - {file: d3cold_allowed, value: "1", vfs: [{first: 0, last: 2}, {first: 4, last: 4}]}

                """,
                StringComparison.Ordinal
            )
            .Replace("example.com/nic-a}", "example.com/nic-a, network: {mac: {type: Hash}, vlan: 100}}", StringComparison.Ordinal);

    /// <summary><see cref="Changed"/>, with another mind about these too.</summary>
    public static string ChangedSet { get; } =
        Changed.Replace(
            "    numVfs: 2\n    pools:\n    - {name: a, vfs: [{first: 0, last: 0}]",
            """
                numVfs: 2
                attributes:
                - {file: power/control, value: "on", when: BeforeVfs}
                - {file: d3cold_allowed, value: "1", vfs: [{first: 1, last: 1}]}
                pools:
                - {name: a, vfs: [{first: 0, last: 0}], network: {vlan: 200, spoofChk: false}
            """,
            StringComparison.Ordinal
        );

    /// <summary>What <see cref="Everything"/> offers: devices, the functions a VM gets of each, and their NUMA node.</summary>
    public static IReadOnlyList<(string Resource, string[] Primaries, int? NumaNode)> Offers { get; } =
    [
        ("example.com/nic-a", ["0000:41:10.0", "0000:41:10.2"], 0),
        ("example.com/nic-b", ["0000:41:10.4"], 0),
        ("example.com/nvme-vf", ["0000:44:00.1", "0000:44:00.2"], 0),
        ("example.com/gpu", ["0000:43:00.0"], 0),
        ("example.com/dual", ["0000:45:00.0"], 0),
        ("example.com/noacs", ["0000:86:00.0"], 1),
        ("example.com/edu", ["0000:04:01.0"], null),
    ];

    public static string HostDevice(string name, string address, string more = "", string pci = "") =>
        $$$"""
            - kind: HostDevice
              name: {{{name}}}
              spec:
                resourceName: example.com/{{{name}}}
                nodeSelector: {}
                {{{more}}}
                devices: {pci: {selectors: [{addresses: ["{{{address}}}"]}]{{{pci}}}}}

            """;

    /// <param name="selector">For example <c>serial: LABUSB0</c>.</param>
    public static string UsbDevice(string name, string selector, string more = "") => Lent("usb", name, selector, more);

    /// <param name="selector">For example <c>serial: LABSCSI0</c>.</param>
    public static string ScsiDevice(string name, string selector, string more = "") => Lent("scsi", name, selector, more);

    private static string Lent(string devices, string name, string selector, string more) =>
        $$$"""
            - kind: HostDevice
              name: {{{name}}}
              spec:
                resourceName: example.com/{{{name}}}
                nodeSelector: {}
                {{{more}}}
                devices: {{{{devices}}}: {selectors: [{{{{selector}}}}]}}

            """;

    public static string Vfs(int count, string address = "0000:81:00.0", string more = "") =>
        $$$"""
            - kind: SriovPolicy
              name: vfs
              spec:
                nodeSelector: {}
                {{{more}}}
                physicalFunctions: [{addresses: ["{{{address}}}"]}]
                numVfs: {{{count}}}
                pools: [{name: all, vfs: [{first: 0, last: {{{count - 1}}}}], resourceName: example.com/vf}]

            """;

    /// <param name="instances">For example <c>mode: Static, count: 2</c>.</param>
    public static string Mdevs(string name, string parent, string type, string instances, string more = "") =>
        $$$"""
            - kind: MdevProfile
              name: {{{name}}}
              spec:
                resourceName: example.com/{{{name}}}
                nodeSelector: {}
                {{{more}}}
                parents: {names: [{{{parent}}}]}
                typeId: {{{type}}}
                instances: {{{{instances}}}}

            """;

    /// <summary>A type of vGPU on a card's virtual functions.</summary>
    public static string Vgpus(string name, string card, string type, string instances) =>
        $$$"""
            - kind: MdevProfile
              name: {{{name}}}
              spec:
                resourceName: example.com/{{{name}}}
                nodeSelector: {}
                parents: {selectors: [{addresses: ["{{{card}}}"]}]}
                transport: VendorVfio
                {{{type}}}
                instances: {{{{instances}}}}

            """;

    public static string Policies(params string[] policies) => "policies:\n" + string.Concat(policies);
}
