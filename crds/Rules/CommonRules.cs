using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Hostdev.Crds.Words;

namespace Hostdev.Crds.Rules;

/// <summary>What several kinds share.</summary>
internal static class CommonRules
{
    /// <summary>The fields that every policy has.</summary>
    public static ImmutableArray<PolicyRule> EveryPolicy { get; } =
    [
        PolicyRule.Object(
            "spec",
            "nodeSelector is required: write nodeSelector: {} for all nodes, or choose nodes by matchLabels or matchExpressions",
            s => s.Has("nodeSelector")
        ) with
        {
            Field = "nodeSelector",
            Reason = RuleReasons.Required,
        },
        PolicyRule.Object(
            "spec.nodeSelector.matchExpressions[*]",
            "the operators In and NotIn need values, Exists and DoesNotExist have none: add or remove values",
            e => (e.Text("operator") is "In" or "NotIn") == e.HasAny("values")
        ),
        PolicyRule.Any("spec.rollout.maxUnavailable", "write a number of nodes from 1 on, or a percentage from 1% to 100%", IsNodeShare),
        PolicyRule.Number("spec.deviceFile.uid", "user IDs are 0 or more: KubeVirt's qemu is 107", n => n >= 0),
        PolicyRule.Number("spec.deviceFile.gid", "group IDs are 0 or more: KubeVirt's qemu is 107", n => n >= 0),
        PolicyRule.Text("spec.deviceFile.mode", Kinds.FileMode.Form, text => Kinds.FileMode.TryParse(text, out _)),
        PolicyRule.Text(
            "spec.deviceFile.mode",
            "the last digit is for every user of the host, who would have the device too: write 0 there, for example \"0660\"",
            text => !Kinds.FileMode.TryParse(text, out var mode) || !mode.IsOpenToOthers
        ) with
        {
            IsForNewAlone = true,
        },
    ];

    public static ImmutableArray<PolicyRule> Name(string at) =>
        [
            PolicyRule.Text(at, ResourceName.Form, ResourceName.HasForm),
            PolicyRule.Text(at, ResourceName.OfKubernetes, text => !ResourceName.IsOfKubernetes(text)),
            PolicyRule.Text(at, ResourceName.OfQuota, text => !ResourceName.IsOfQuota(text)),
            PolicyRule.Text(at, ResourceName.OfKubeVirt, text => !ResourceName.IsOfKubeVirt(text)),
        ];

    public static PolicyRule NameStays { get; } =
        PolicyRule.Transition(
            "spec.resourceName",
            JsonValueKind.String,
            "resourceName cannot be changed, because pods ask for devices by it: create a new policy with the new "
                + "name, and delete this one",
            (self, old) => self.GetString() == old.GetString()
        );

    /// <summary>A policy accepts what one device lacks for devices that it writes out, and for no other that comes to match.</summary>
    /// <param name="selectors">Completes "every ...".</param>
    /// <param name="areAddresses">Whether all selectors of the spec list addresses.</param>
    public static PolicyRule AcceptedAreNamed(string selectors, Func<JsonElement, bool> areAddresses) =>
        PolicyRule.Object(
            "spec",
            $"a risk of a device ({string.Join(", ", Risks.OfDevices)}) is accepted only where every {selectors} lists addresses: add "
                + "addresses, or remove it from acceptRisks",
            s =>
                !s.Get("acceptRisks").Items().Any(r => r.ValueKind == JsonValueKind.String && IsOfDevice(r.GetString()!)) || areAddresses(s)
        ) with
        {
            Field = "acceptRisks",
        };

    private static bool IsOfDevice(string risk) => Risks.OfDevices.Any(r => r.Name == risk);

    public static PolicyRule NotEmpty(string at) =>
        PolicyRule.List(at, "an empty list selects nothing: give at least one selector", l => l.Items().Any());

    /// <param name="values">Properties of a selector that are single values.</param>
    /// <param name="lists">Properties that are lists, of which an empty one says nothing.</param>
    public static PolicyRule HasProperty(string at, string[] values, params string[] lists) =>
        PolicyRule.Object(
            at,
            "a selector without a property would select every device: give it at least one",
            s => values.Any(v => s.Has(v)) || lists.Any(l => s.HasAny(l))
        );

    public static PolicyRule Id(string at) => PolicyRule.Text(at, PciId.Form, text => PciId.TryParse(text, out _));

    public static PolicyRule Address(string at) => PolicyRule.Text(at, PciAddress.Form, text => PciAddress.TryParse(text, out _));

    /// <summary>Selectors of PCI functions.</summary>
    public static ImmutableArray<PolicyRule> PciSelectors(string at) =>
        [
            HasProperty($"{at}[*]", ["vendor", "device", "subsystemVendor", "subsystemDevice", "class", "slot", "driver"], "addresses"),
            Id($"{at}[*].vendor"),
            Id($"{at}[*].device"),
            Id($"{at}[*].subsystemVendor"),
            Id($"{at}[*].subsystemDevice"),
            PolicyRule.Text($"{at}[*].class", PciClass.Form, text => PciClass.TryParse(text, out _)),
            Address($"{at}[*].addresses[*]"),
        ];

    /// <summary>A choice of driver.</summary>
    public static ImmutableArray<PolicyRule> Driver(string at) =>
        [
            PolicyRule.Object(at, $"name is required with type Named: {DriverName}", d => d.Text("type") != "Named" || d.Has("name")) with
            {
                Field = "name",
                Reason = RuleReasons.Required,
            },
            PolicyRule.Object(
                at,
                "name has no meaning without type Named: remove it, or use type Named",
                d => d.Text("type") == "Named" || !d.Has("name")
            ) with
            {
                Field = "name",
            },
            // "(null)" is what the kernel calls no driver at all.
            PolicyRule.Text(
                $"{at}.name",
                DriverName,
                text => text.Length > 0 && !text.Contains('/', StringComparison.Ordinal) && text != "(null)"
            ),
            PolicyRule.Text(
                $"{at}.name",
                "pci-stub gives a VM nothing: name vfio-pci or a vfio variant driver",
                text => text != "pci-stub"
            ),
        ];

    private const string DriverName = "name a driver of /sys/bus/pci/drivers";

    private static bool IsNodeShare(JsonElement share) =>
        share.ValueKind switch
        {
            JsonValueKind.Number => !share.TryGetInt64(out var nodes) || nodes >= 1,
            JsonValueKind.String => IsNodeShare(share.GetString()!),
            _ => true,
        };

    private static bool IsNodeShare(string text)
    {
        var digits = text.EndsWith('%') ? text[..^1] : text;
        return digits.Length is > 0 and <= 6
            && digits[0] != '0'
            && digits.All(char.IsAsciiDigit)
            && (digits.Length == text.Length || int.Parse(digits, CultureInfo.InvariantCulture) <= 100);
    }
}
