using System.Collections.Immutable;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Hostdev.Crds.Rules;

/// <summary>The rules of <c>crds/hostdevices.yaml</c>.</summary>
internal static partial class HostDeviceRules
{
    public static ImmutableArray<PolicyRule> All { get; } =
    [
        .. CommonRules.EveryPolicy,
        .. CommonRules.Name("spec.resourceName"),
        CommonRules.NameStays,
        PolicyRule.Object(
            "spec",
            "allowProtected overrides the host's own need of a device and is only legal when every selector lists addresses "
                + "(usb: port; scsi: serial or wwid): add them, or remove allowProtected",
            s => !s.HasAny("allowProtected") || AreNamed(s)
        ) with
        {
            Field = "allowProtected",
        },
        CommonRules.AcceptedAreNamed("selector", AreAddresses),
        PolicyRule.Object(
            "spec",
            "cloud-hypervisor is given PCI and mediated devices alone: remove CloudHypervisor from vmmArguments",
            s => s.Get("devices").Has("pci") || s.Get("devices").Has("group") || !s.Get("vmmArguments").Items().Any(IsCloudHypervisor)
        ) with
        {
            Field = "vmmArguments",
        },
        PolicyRule.Object(
            "spec",
            "a companion is a resource of its own, which a VM asks for beside resourceName: give it another name",
            s =>
                !s.Get("devices")
                    .Get("pci")
                    .Get("members")
                    .Items()
                    .Any(m => m.Has("companion") && m.Text("companion") == s.Text("resourceName"))
        ) with
        {
            Field = "devices.pci.members",
        },
        PolicyRule.Object(
            "spec",
            "a companion is a resource of its own, which a VM asks for beside resourceName: give it another name",
            s =>
                !s.Get("devices")
                    .Get("group")
                    .Get("members")
                    .Items()
                    .SelectMany(g => g.Get("pci").Get("members").Items().Prepend(g))
                    .Any(m => m.Has("companion") && m.Text("companion") == s.Text("resourceName"))
        ) with
        {
            Field = "devices.group.members",
        },
        PolicyRule.Object(
            "spec.devices",
            "give exactly one of pci, usb, scsi and group",
            d => Count(d.Has("pci"), d.Has("usb"), d.Has("scsi"), d.Has("group")) == 1
        ),
        .. Pci("spec.devices.pci"),
        .. Usb("spec.devices.usb.selectors"),
        .. Scsi("spec.devices.scsi.selectors"),
        .. Group("spec.devices.group.members"),
    ];

    private static bool IsCloudHypervisor(JsonElement vmm) => vmm.ValueKind == JsonValueKind.String && vmm.ValueEquals("CloudHypervisor");

    private static ImmutableArray<PolicyRule> Pci(string at) =>
        [
            CommonRules.NotEmpty($"{at}.selectors"),
            .. CommonRules.PciSelectors($"{at}.selectors"),
            PassesOverProperties($"{at}.selectors[*]", "addresses"),
            .. CommonRules.Driver($"{at}.driver"),
            PolicyRule.Text($"{at}.driver.type", "Native leaves the device to the host: use Vfio, Auto or Named", text => text != "Native"),
            PolicyRule.Object(
                at,
                "members have no meaning with groupPolicy HoldSiblings or AssignSiblings: remove one of the two",
                p => p.Text("groupPolicy") is null or "Explicit" || !p.HasAny("members")
            ) with
            {
                Field = "members",
            },
            PolicyRule.Object(
                $"{at}.members[*]",
                "give exactly one of function, address, or vendor with device",
                m => Count(m.Has("function"), m.Has("address"), m.Has("vendor") || m.Has("device")) == 1
            ),
            PolicyRule.Object(
                $"{at}.members[*]",
                "vendor and device stand together: give both or neither",
                m => m.Has("vendor") == m.Has("device")
            ),
            PolicyRule.Object(
                $"{at}.members[*]",
                "a companion brings a member to the VM, and this one is held: remove companion, or assigned: false",
                m => !m.Has("companion") || m.Get("assigned").ValueKind != JsonValueKind.False
            ) with
            {
                Field = "companion",
            },
            PolicyRule.Number($"{at}.members[*].function", "a slot has functions 0 to 7", n => n is >= 0 and <= 7),
            CommonRules.Address($"{at}.members[*].address"),
            CommonRules.Id($"{at}.members[*].vendor"),
            CommonRules.Id($"{at}.members[*].device"),
            .. CommonRules.Name($"{at}.members[*].companion"),
        ];

    private static ImmutableArray<PolicyRule> Usb(string at) =>
        [
            CommonRules.NotEmpty(at),
            CommonRules.HasProperty($"{at}[*]", ["vendor", "product", "serial", "port"]),
            PassesOverProperties($"{at}[*]", "port"),
            CommonRules.Id($"{at}[*].vendor"),
            CommonRules.Id($"{at}[*].product"),
            PolicyRule.Text(
                $"{at}[*].port",
                "write the controller and the ports from it on, as hostdev-device-plugin inventory shows them, for example "
                    + "0000:00:14.0/4.2: the number of a bus, as in 1-4.2, changes at a boot",
                text => UsbPort.TryParse(text, out _)
            ),
        ];

    private static ImmutableArray<PolicyRule> Scsi(string at) =>
        [
            CommonRules.NotEmpty(at),
            CommonRules.HasProperty($"{at}[*]", ["vendor", "model", "serial", "wwid", "address"]),
            PassesOverProperties($"{at}[*]", "serial", "wwid", "address"),
            PolicyRule.Text($"{at}[*].address", "write host:channel:target:LUN in decimal, for example 0:0:1:0", ScsiAddress().IsMatch),
        ];

    private static ImmutableArray<PolicyRule> Group(string at) =>
        [
            PolicyRule.List(at, "a group without members is none: give at least one", l => l.Items().Any()),
            PolicyRule.List(
                at,
                "two members have one name: give each a name of its own",
                l => l.Items().GroupBy(m => m.Text("name")).All(g => g.Key is null || g.Count() == 1)
            ),
            PolicyRule.List(
                at,
                "the first device of a group is what resourceName stands for, and the first member has no other: remove its companion, or "
                    + "give it a count",
                l => l.Items().FirstOrDefault() is var first && (!first.Has("companion") || IsSeveral(first))
            ),
            .. CommonRules.Name($"{at}[name].companion"),
            PolicyRule.Text(
                $"{at}[name].name",
                "write lower-case letters, digits and hyphens, for example gpu",
                text => MemberName().IsMatch(text)
            ),
            PolicyRule.Number($"{at}[name].count", "write a number from 1 to 16", n => n is >= 1 and <= 16),
            .. Pci($"{at}[name].pci"),
        ];

    /// <summary>Whoever names a device means that one: that the host needs it is an answer to him.</summary>
    private static PolicyRule PassesOverProperties(string at, params string[] names) =>
        PolicyRule.Object(
            at,
            $"PassOver is for devices that are meant by what they are, and {string.Join(", ", names)} "
                + $"{(names is ["port"] ? "names" : "name")} one: remove onProtected, or select by other properties",
            s => s.Text("onProtected") != "PassOver" || !names.Any(n => n == "addresses" ? s.HasAny(n) : s.Has(n))
        ) with
        {
            Field = "onProtected",
        };

    /// <summary>By what stays with a device: an address of SCSI does not.</summary>
    private static bool AreNamed(JsonElement spec) =>
        AreAddresses(spec) || AreAll(spec, "usb", s => s.Has("port")) || AreAll(spec, "scsi", s => s.Has("serial") || s.Has("wwid"));

    private static bool AreAll(JsonElement spec, string devices, Func<JsonElement, bool> isNamed) =>
        spec.Get("devices").Get(devices) is { ValueKind: JsonValueKind.Object } of && of.Get("selectors").Items().All(isNamed);

    private static bool AreAddresses(JsonElement spec) =>
        AreAll(spec, "pci", IsAddressed)
        || (
            spec.Get("devices").Get("group") is { ValueKind: JsonValueKind.Object } group
            && group.Get("members").Items().All(m => m.Get("pci").Get("selectors").Items().All(IsAddressed))
        );

    private static bool IsSeveral(JsonElement member) =>
        member.Get("count") is { ValueKind: JsonValueKind.Number } count && (!count.TryGetInt64(out var many) || many > 1);

    private static bool IsAddressed(JsonElement selector) => selector.HasAny("addresses");

    private static int Count(params ReadOnlySpan<bool> given) => given.Count(true);

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\z")]
    private static partial Regex MemberName();

    [GeneratedRegex(@"^[0-9]+(:[0-9]+){3}\z")]
    private static partial Regex ScsiAddress();
}
