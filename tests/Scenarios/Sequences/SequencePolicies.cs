using System.Collections.Immutable;
using Hostdev.Crds.Kinds;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>
/// What admins ask for in random sequences: for each device some alternatives, good and bad ones, of which one or none is in force.
/// </summary>
/// <param name="Label">For the list of what happened.</param>
/// <param name="Allowed">What the host would need of these functions and the admin gives away all the same.</param>
internal sealed record SequencePolicy(string Label, string Yaml, ImmutableArray<(string Function, Protection Protection)> Allowed)
{
    private const string SetBefore = "{file: d3cold_allowed, value: \"0\", when: BeforeVfs}";
    private const string SetVfs =
        "{file: d3cold_allowed, value: \"1\", vfs: [{first: 0, last: 0}]}, "
        + "{file: power/control, value: \"on\", vfs: [{first: 0, last: 1}]}";

    /// <summary>Alternatives by device; at most one of each row is in force.</summary>
    public static ImmutableArray<ImmutableArray<SequencePolicy>> Rows { get; } =
    [
        [
            Vfs("nics 2", 2, Pool("vfs", 0, 1, "vf")),
            Vfs("nics 3 Cordon", 3, Pool("vfs", 0, 2, "vf"), "disruption: Cordon"),
            Vfs("nics 4 Native", 4, Pool("vfs", 0, 1, "vf") + ", {name: host, vfs: [{first: 2, last: 2}], driver: {type: Native}}"),
            Vfs("nics 4 renamed", 4, Pool("vfs", 0, 3, "other-vf")),
            Vfs("nics 2 two pools", 2, Pool("a", 0, 0, "vf") + ", " + Pool("b", 1, 1, "other-vf")),
            Vfs("nics too many", 9, Pool("vfs", 0, 8, "vf")),
            Vfs("nics External", null, Pool("vfs", 0, 1, "vf"), "management: External"),
            Vfs("nics 3 late", 3, Pool("vfs", 0, 1, "vf", Late) + ", " + Pool("other", 2, 2, "other-vf")),
            Vfs("nics 3 set", 3, Pool("vfs", 0, 2, "vf"), $"attributes: [{SetBefore}, {SetVfs}]"),
            Vfs("nics 2 set otherwise", 2, Pool("vfs", 0, 1, "vf"), "attributes: [{file: power/control, value: auto}]"),
            Vfs("nics External set", null, Pool("vfs", 0, 1, "vf"), $"management: External\n    attributes: [{SetVfs}]"),
            ByInterface("nics by name", 3, Pool("vfs", 0, 2, "vf")),
            ByInterface("nics by name 2", 2, Pool("vfs", 0, 1, "vf")),
        ],
        [
            Vfs("nvme 2", 2, Pool("vfs", 0, 1, "nvme-vf"), address: "0000:44:00.0", name: "nvme-vfs"),
            Device("disk", "0000:44:00.0"),
            Device("disk allowed", "0000:44:00.0", "allowProtected: [Storage]", allowed: ("0000:44:00.0", Protection.Storage)),
            Device("disk Cordon", "0000:44:00.0", "disruption: Cordon"),
            Device("disk late", "0000:44:00.0", Late),
        ],
        [
            Device("gpu held", "0000:43:00.0", pci: ", groupPolicy: HoldSiblings"),
            Device("gpu assigned", "0000:43:00.0", pci: ", groupPolicy: AssignSiblings"),
            Device("gpu undeclared", "0000:43:00.0"),
            Device("gpu renamed", "0000:43:00.0", pci: ", groupPolicy: HoldSiblings", resource: "shared"),
            Device("gpu Cordon", "0000:43:00.0", "disruption: Cordon", ", members: [{function: 1, assigned: true}]"),
        ],
        [
            Device("dual", "0000:45:00.0", pci: ", members: [{function: 1, assigned: false}]"),
            Device("dual other port", "0000:45:00.1", pci: ", groupPolicy: HoldSiblings"),
            Device(
                "dual allowed",
                "0000:45:00.0",
                "allowProtected: [Network]",
                ", groupPolicy: AssignSiblings",
                allowed: ("0000:45:00.0", Protection.Network)
            ),
            Device(
                "dual allowed both",
                "0000:45:00.0",
                "allowProtected: [Network]",
                ", members: [{address: \"0000:45:00.1\", assigned: true}]",
                allowed: [("0000:45:00.0", Protection.Network), ("0000:45:00.1", Protection.Network)]
            ),
            Device("dual late", "0000:45:00.0", Late, ", groupPolicy: AssignSiblings"),
            Device("dual late and held", "0000:45:00.1", Late, ", groupPolicy: HoldSiblings"),
            ByDriver("dual by driver", "e1000e"),
        ],
        [
            Device("edu", "0000:46:00.0"),
            Device("edu late", "0000:46:00.0", Late),
            Device("edu shared", "0000:46:00.0", resource: "shared"),
            Device("edu node owner", "0000:46:00.0", "deviceFile: {uid: 107, gid: 107, mode: \"0660\"}"),
        ],
        [
            Device("noacs", "0000:86:00.0"),
            Device("noacs shared", "0000:86:00.0", resource: "shared"),
            Device("noacs late", "0000:86:00.0", Late),
            Device("noacs priority", "0000:86:00.0", "priority: 5"),
        ],
        [Device("rival", "0000:86:00.0", "priority: 3", resource: "rival")],
        [
            Device("console", "0000:42:00.0", pci: ", groupPolicy: HoldSiblings"),
            Device(
                "console allowed",
                "0000:42:00.0",
                "allowProtected: [Console]",
                ", groupPolicy: HoldSiblings",
                allowed: ("0000:42:00.0", Protection.Console)
            ),
        ],
        [
            Mdevs("vgpus 3", "mtty", "mtty-2", "mode: Static, count: 3"),
            Mdevs("vgpus on demand", "mtty", "mtty-2", "mode: OnDemand, max: 4"),
            Mdevs("vgpus too many", "mtty", "mtty-2", "mode: Static, count: 20"),
            Mdevs("vgpus of no type", "mtty", "mtty-9", "mode: Static, count: 1"),
        ],
        [
            Mdevs("ports 20", "mtty", "mtty-1", "mode: Static, count: 20"),
            Mdevs("ports on demand", "mtty", "mtty-1", "mode: OnDemand, max: 24"),
            Mdevs("ports elsewhere", "mdpy", "mdpy-vga", "mode: OnDemand, max: 3"),
        ],
        [Device("one VF", "0000:41:10.2", pci: ", virtualFunctions: true", resource: "one-vf")],
        [
            Set("set", "", Member("gpu", "0000:43:00.0", ", groupPolicy: AssignSiblings") + ", " + Member("edu", "0000:46:00.0")),
            Set("set of more", "", Member("gpu", "0000:43:00.0", ", groupPolicy: HoldSiblings") + ", " + OneOfTwo),
            Set("set priority", "priority: 4", Member("edu", "0000:46:00.0") + ", " + Member("noacs", "0000:86:00.0")),
            Set("set late", Late, Member("noacs", "0000:86:00.0") + ", " + Member("edu", "0000:46:00.0")),
            Set("set of two", "disruption: Cordon", OneOfTwo.Replace("pci:", "count: 2, pci:", StringComparison.Ordinal)),
        ],
        [
            Usb("stick", "serial: LABUSB0"),
            Usb("stick node owner", "serial: LABUSB0", "deviceFile: {uid: 1000, gid: 1000, mode: \"0600\"}"),
            Usb("stick priority", "serial: LABUSB0", "priority: 5"),
            Usb("stick other", "serial: LABUSB1"),
        ],
        [
            Usb("socket", $"port: {Socket}"),
            Usb("socket allowed", $"port: {Socket}", "allowProtected: [Storage]", ("0000:01:00.0/1", Protection.Storage)),
            Usb("socket of sticks", $"port: {Socket}, vendor: \"46f4\""),
            Usb("socket third", "port: \"0000:01:00.0/3\"", "deviceFile: {uid: 0, gid: 0, mode: \"0660\"}"),
        ],
        [
            Usb("things of a vendor", "vendor: \"46f4\""),
            Usb("things keyboards", "vendor: \"0627\""),
            Usb("things dongles", "vendor: \"0529\", product: \"0001\""),
        ],
        [
            Device("xhci", SequenceMachine.UsbController),
            Device("xhci late", SequenceMachine.UsbController, Late),
            Device("xhci priority", SequenceMachine.UsbController, "priority: 3"),
        ],
        [
            Scsi("scsi", "serial: SER-A"),
            Scsi("scsi node owner", "serial: SER-A", OfQemu),
            Scsi("scsi allowed", $"wwid: {Wwid}", $"allowProtected: [Storage]\n    {OfQemu}", (Wwid, Protection.Storage)),
            Scsi("scsi other", "serial: SER-B", $"priority: 5\n    {OfQemu}"),
        ],
        [
            Scsi("unit first", "address: \"0:0:0:0\"", OfQemu),
            Scsi("unit second", "address: \"0:0:1:0\"", OfQemu),
            Scsi("unit third", "address: \"0:0:2:0\""),
            Scsi("unit of a stick", "address: \"1:0:0:0\"", OfQemu),
        ],
        [Scsi("makers", "vendor: SEAGATE"), Scsi("makers node owner", "model: ST1000", OfQemu)],
        [
            Device("hba", SequenceMachine.ScsiAdapter),
            Device("hba late", SequenceMachine.ScsiAdapter, Late + "\n    acceptRisks: [SlowUnbind]"),
        ],
    ];

    private const string OfQemu = "deviceFile: {uid: 107, gid: 107, mode: \"0660\"}";

    private const string Wwid = "naa.5000c500aaaaaaaa";

    private const string Socket = "\"0000:01:00.0/1\"";

    private const string Late = "binding: OnAllocate";

    /// <summary>The first of the rows about what is lent, which come last.</summary>
    public static int FirstLent => Buses.IndexOf("0000:01:");

    /// <summary>The bus that each row is about.</summary>
    public static ImmutableArray<string> Buses { get; } =
    [
        "0000:41:",
        "0000:44:",
        "0000:43:",
        "0000:45:",
        "0000:46:",
        "0000:86:",
        "0000:86:",
        "0000:42:",
        "mdevs",
        "mdevs",
        "0000:41:",
        "0000:46:",
        "0000:01:",
        "0000:01:",
        "0000:01:",
        "0000:01:",
        "0000:02:",
        "0000:02:",
        "0000:02:",
        "0000:02:",
    ];

    private const string OneOfTwo = "{name: any, pci: {selectors: [{addresses: [\"0000:46:00.0\", \"0000:86:00.0\"]}]}}";

    private static string Member(string name, string address, string pci = "") =>
        $"{{name: {name}, pci: {{selectors: [{{addresses: [\"{address}\"]}}]{pci}}}}}";

    private static SequencePolicy Set(string label, string more, string members) =>
        new(
            label,
            $$$"""
            - kind: HostDevice
              name: set
              spec:
                resourceName: example.com/set
                nodeSelector: {}
                {{{more}}}
                devices: {group: {within: Machine, members: [{{{members}}}]}}

            """,
            []
        );

    private static SequencePolicy Scsi(string label, string selector, string more = "", params (string, Protection)[] allowed) =>
        new(label, Desired.ScsiDevice(label.Split(' ')[0], selector, more), [.. allowed]);

    private static SequencePolicy Usb(string label, string selector, string more = "", params (string, Protection)[] allowed) =>
        new(label, Desired.UsbDevice(label.Split(' ')[0], selector, more), [.. allowed]);

    private static SequencePolicy Mdevs(string label, string parent, string type, string instances) =>
        new(label, Desired.Mdevs(label.Split(' ')[0], parent, type, instances), []);

    private static SequencePolicy ByInterface(string label, int count, string pools)
    {
        var byInterface = $"interfaces: [{SequenceMachine.InterfaceOfNics}]";
        var yaml = Vfs(label, count, pools).Yaml.Replace("addresses: [\"0000:41:00.0\"]", byInterface, StringComparison.Ordinal);
        return new SequencePolicy(label, yaml, []);
    }

    private static SequencePolicy ByDriver(string label, string driver)
    {
        var ports = $"addresses: [\"0000:45:00.0\", \"0000:45:00.1\"], driver: {driver}";
        var yaml = Desired.HostDevice("dual", "0000:45:00.0").Replace("addresses: [\"0000:45:00.0\"]", ports, StringComparison.Ordinal);
        return new SequencePolicy(label, yaml, []);
    }

    private static SequencePolicy Vfs(
        string label,
        int? count,
        string pools,
        string more = "",
        string address = "0000:41:00.0",
        string name = "nics"
    ) =>
        new(
            label,
            $$"""
            - kind: SriovPolicy
              name: {{name}}
              spec:
                nodeSelector: {}
                {{more}}
                physicalFunctions: [{addresses: ["{{address}}"]}]
                {{(count is { } n ? $"numVfs: {n}" : "")}}
                pools: [{{pools}}]

            """,
            []
        );

    private static string Pool(string name, int first, int last, string resource, string more = "") =>
        $"{{name: {name}, vfs: [{{first: {first}, last: {last}}}], resourceName: example.com/{resource}"
        + $"{(more.Length > 0 ? ", " + more : "")}}}";

    private static SequencePolicy Device(
        string label,
        string address,
        string more = "",
        string pci = "",
        string? resource = null,
        params (string, Protection)[] allowed
    )
    {
        var name = label.Split(' ')[0];
        var yaml = Desired.HostDevice(name, address, more, pci);
        return new SequencePolicy(
            label,
            resource is null
                ? yaml
                : yaml.Replace($"resourceName: example.com/{name}\n", $"resourceName: example.com/{resource}\n", StringComparison.Ordinal),
            [.. allowed]
        );
    }
}
