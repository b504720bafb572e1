using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Hostdev.Crds.Kinds;

namespace Hostdev.Projection;

/// <summary>
/// The entries that the KubeVirt object needs for policies (contracts/kubevirt.md, 1). They are printed for an admin to put there: the
/// lists are atomic in KubeVirt's API, so whoever applies one of them takes all of them.
/// </summary>
public static class KubeVirtSnippet
{
    /// <param name="ids"><c>vendor:device</c> of what nodes offer for it, in any order: addresses and classes in a policy do not tell
    /// them.</param>
    public static IEnumerable<KubeVirtEntry> Entries(DesiredPolicy policy, IEnumerable<string> ids)
    {
        switch (policy)
        {
            case DesiredPolicy.OfHostDevice { Spec.Devices: { Pci: not null } or { Group: not null } } or DesiredPolicy.OfSriovPolicy:
            case DesiredPolicy.OfMdevProfile { Spec.Transport: MdevTransport.VendorVfio }:
            // Mediated devices have no ids: where a profile has some, they are of virtual functions that were given its type.
            case DesiredPolicy.OfMdevProfile { Spec.Transport: null or MdevTransport.Auto } when ids.Any():
                return from name in ResourceNameClaims.NamesOf(policy)
                    from id in IdsOf(policy, name.Name, ids).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
                    select Entry("pciHostDevices", $"pciVendorSelector: \"{id.ToUpperInvariant()}\"", name.Name);
            case DesiredPolicy.OfMdevProfile { Spec: var mdev } when (mdev.TypeName ?? mdev.TypeId) is { } type:
                return [Entry("mediatedDevices", $"mdevNameSelector: {Quoted(type)}", mdev.ResourceName)];
            case DesiredPolicy.OfHostDevice { Spec: { Devices.Usb: { } usb } spec }:
                // A list of KubeVirt's means a unit of all of them, a list of ours any of them; and its selectors need both ids. Without
                // one the name is permitted all the same, and an empty field would be no list.
                var selector = usb.Selectors is [{ Vendor: { } vendor, Product: { } product }]
                    ? $"  selectors:\n  - vendor: \"{vendor}\"\n    product: \"{product}\"\n"
                    : "";
                return [new("usb", $"- resourceName: {spec.ResourceName}\n  externalResourceProvider: true\n{selector}")];
            default:
                return [];
        }
    }

    /// <summary>A comment on what KubeVirt has no list for, and so no VM of it can be given; null for all else.</summary>
    public static string? Note(DesiredPolicy policy) =>
        policy is DesiredPolicy.OfHostDevice { Spec: { Devices.Scsi: not null } spec }
            ? $"# {spec.ResourceName} is of SCSI devices, for which KubeVirt has no list and no field in a VM: ask for it in pods of "
                + "your own.\n"
            : null;

    /// <summary>YAML, to be put under <c>spec.configuration.permittedHostDevices</c>; null where there is nothing to permit yet.</summary>
    /// <param name="most">In characters. What does not fit is left out entry by entry, and a comment says so: half an entry is
    /// none.</param>
    public static string? Text(IEnumerable<KubeVirtEntry> entries, int most = int.MaxValue)
    {
        var all = entries.Distinct().OrderBy(e => e.List, StringComparer.Ordinal).ToList();
        if (all.Count == 0)
            return null;
        var pieces = all.Select((e, i) => i > 0 && all[i - 1].List == e.List ? e.Yaml : $"{e.List}:\n{e.Yaml}").ToList();
        if (pieces.Sum(p => (long)p.Length) <= most)
            return string.Concat(pieces);
        var text = new StringBuilder();
        var shown = 0;
        while (shown < pieces.Count - 1 && text.Length + pieces[shown].Length + Rest(pieces.Count - shown - 1).Length <= most)
            text.Append(pieces[shown++]);
        return text.Append(Rest(pieces.Count - shown)).ToString();
    }

    /// <summary>The same with lines that say how it gets into KubeVirt.</summary>
    public static string WithInstructions(string text) =>
        "# hostDevices of a VM need KubeVirt's feature gate HostDevices: "
        + "add it to spec.configuration.developerConfiguration.featureGates of the KubeVirt object. gpus need no gate.\n"
        + (
            GraceIds.Any(id => text.Contains($"\"{id}\"", StringComparison.Ordinal))
                ? "# GPUs of NVIDIA's Grace boards need the gate GraceIOVirtualization there too.\n"
                : ""
        )
        + "# Add these entries to spec.configuration.permittedHostDevices of the KubeVirt object, beside what stands there already:\n"
        + "#   kubectl edit kubevirt -n kubevirt kubevirt\n"
        + "# Do not apply them: the lists are atomic, and whoever applies one takes away everybody else's entries.\n"
        + "# If there is no permittedHostDevices yet: without it KubeVirt permits every resource name, and with it "
        + "none that it lacks. Add those of other device plugins too,\n"
        + "# or their VMs end with Synchronized=False, FailedCreate.\n"
        + "# An older entry for the same ids without externalResourceProvider: true makes KubeVirt's own device "
        + "plugin offer the same devices beside Hostdev, and one device can be\n"
        + "# given to two VMs: remove that entry, or set it to true there.\n"
        + "# A resource belongs under gpus or under hostDevices of one VM, not under both: KubeVirt would give both "
        + "entries the same device.\n"
        + $"permittedHostDevices:\n  {text.TrimEnd('\n').Replace("\n", "\n  ", StringComparison.Ordinal)}\n";

    /// <summary>
    /// Of GH200, GB200 and GB300: the devices that the kernel's nvgrace-gpu-vfio-pci is for (drivers/vfio/pci/nvgrace-gpu/main.c).
    /// </summary>
    private static readonly ImmutableArray<string> GraceIds = ["10DE:2342", "10DE:2345", "10DE:2348", "10DE:2941", "10DE:31C2"];

    /// <summary>
    /// A companion has the ids of its member where the policy names it by them, else those of the device that it goes with: KubeVirt goes
    /// by the name where another offers it. It is permitted once the device is.
    /// </summary>
    private static IEnumerable<string> IdsOf(DesiredPolicy policy, Crds.ResourceName name, IEnumerable<string> ids) =>
        policy is DesiredPolicy.OfHostDevice { Spec.Devices.AllPci: var pci }
        && ids.Any()
        && pci.SelectMany(p => p.Members).Where(m => m.Companion == name).ToList() is { Count: > 0 } members
        && members.TrueForAll(m => m.Vendor is not null)
            ? members.Select(m => $"{m.Vendor}:{m.Device}")
            : ids;

    /// <summary>A string of JSON, which is one of YAML too: a type's name is its vendor's, quotes and backslashes included.</summary>
    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static string Rest(int count) =>
        string.Create(CultureInfo.InvariantCulture, $"# ... and {count} more: hostdev-operator kubevirt-snippet prints all of them\n");

    private static KubeVirtEntry Entry(string list, string selector, Crds.ResourceName resource) =>
        new(list, $"- {selector}\n  resourceName: {resource}\n  externalResourceProvider: true\n");
}

/// <param name="List">Of <c>permittedHostDevices</c>: <c>pciHostDevices</c>, <c>mediatedDevices</c> or <c>usb</c>.</param>
public sealed record KubeVirtEntry(string List, string Yaml);
