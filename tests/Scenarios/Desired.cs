namespace Hostdev.Tests.Scenarios;

/// <summary>The desired states that scenarios use, in the words an admin would write.</summary>
internal static class Desired
{
    public const string Nothing = "policies: []\n";

    /// <summary>The lab's hardware, some of each: VFs in two pools and one left to the host, NVMe VFs, GPU with audio, a dual-port NIC, no ACS, behind a PCI bridge.</summary>
    public const string Everything = """
        policies:
        - kind: SriovPolicy
          name: nics
          spec:
            nodeSelector: {}
            physicalFunctions: [{addresses: ["0000:41:00.0"]}]
            numVfs: 4
            deviceFile: {uid: 107, gid: 107, mode: "0660"}
            pools:
            - {name: a, vfs: [{first: 0, last: 1}], resourceName: example.com/nic-a}
            - {name: b, vfs: [{first: 2, last: 2}], resourceName: example.com/nic-b}
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

    public static string HostDevice(string name, string address, string more = "", string pci = "") => $$$"""
        - kind: HostDevice
          name: {{{name}}}
          spec:
            resourceName: example.com/{{{name}}}
            nodeSelector: {}
            {{{more}}}
            devices: {pci: {selectors: [{addresses: ["{{{address}}}"]}]{{{pci}}}}}

        """;

    public static string Vfs(int count, string address = "0000:81:00.0", string more = "") => $$$"""
        - kind: SriovPolicy
          name: vfs
          spec:
            nodeSelector: {}
            {{{more}}}
            physicalFunctions: [{addresses: ["{{{address}}}"]}]
            numVfs: {{{count}}}
            pools: [{name: all, vfs: [{first: 0, last: {{{count - 1}}}}], resourceName: example.com/vf}]

        """;

    public static string Policies(params string[] policies) => "policies:\n" + string.Concat(policies);
}
