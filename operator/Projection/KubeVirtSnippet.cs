using System.Globalization;
using System.Text;
using Hostdev.Crds.Kinds;

namespace Hostdev.Operator.Projection;

/// <summary>
/// The entries that the KubeVirt object needs for policies (contracts/kubevirt.md, 1). They are printed for an admin to put there: the lists are atomic in KubeVirt's API, so whoever applies
/// one of them takes all of them.
/// </summary>
public static class KubeVirtSnippet
{
    /// <param name="ids"><c>vendor:device</c> of what nodes offer for it, in any order: addresses and classes in a policy do not tell them.</param>
    public static IEnumerable<KubeVirtEntry> Entries(DesiredPolicy policy, IEnumerable<string> ids)
    {
        switch (policy)
        {
            case DesiredPolicy.OfHostDevice { Spec.Devices.Pci: not null } or DesiredPolicy.OfSriovPolicy:
                return
                    from name in ResourceNameClaims.NamesOf(policy)
                    from id in ids.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
                    select Entry("pciHostDevices", $"pciVendorSelector: \"{id.ToUpperInvariant()}\"", name.Name);
            case DesiredPolicy.OfMdevProfile { Spec: var mdev }:
                return [Entry("mediatedDevices", $"mdevNameSelector: \"{mdev.TypeName ?? mdev.TypeId}\"", mdev.ResourceName)];
            case DesiredPolicy.OfHostDevice { Spec: { Devices.Usb: { } usb } spec }:
                var selectors = usb.Selectors.Where(s => s.Vendor is not null && s.Product is not null).Select(s => $"\n  - vendor: \"{s.Vendor}\"\n    product: \"{s.Product}\"");
                return [new KubeVirtEntry("usb", $"- resourceName: {spec.ResourceName}\n  externalResourceProvider: true\n  selectors:{string.Concat(selectors)}\n")];
            default:
                return [];
        }
    }

    /// <summary>YAML, to be put under <c>spec.configuration.permittedHostDevices</c>; null where there is nothing to permit yet.</summary>
    /// <param name="most">In characters. What does not fit is left out entry by entry, and a comment says so: half an entry is none.</param>
    public static string? Text(IEnumerable<KubeVirtEntry> entries, int most = int.MaxValue)
    {
        var all = entries.Distinct().OrderBy(e => e.List, StringComparer.Ordinal).ToList();
        if (all.Count == 0) return null;
        var pieces = all.Select((e, i) => i > 0 && all[i - 1].List == e.List ? e.Yaml : $"{e.List}:\n{e.Yaml}").ToList();
        if (pieces.Sum(p => (long)p.Length) <= most) return string.Concat(pieces);
        var text = new StringBuilder();
        var shown = 0;
        while (shown < pieces.Count - 1 && text.Length + pieces[shown].Length + Rest(pieces.Count - shown - 1).Length <= most) text.Append(pieces[shown++]);
        return text.Append(Rest(pieces.Count - shown)).ToString();
    }

    /// <summary>The same with lines that say how it gets into KubeVirt.</summary>
    public static string WithInstructions(string text) =>
        "# Add these entries to spec.configuration.permittedHostDevices of the KubeVirt object, beside what stands there already:\n"
        + "#   kubectl edit kubevirt -n kubevirt kubevirt\n"
        + "# Do not apply them: the lists are atomic, and whoever applies one takes away everybody else's entries.\n"
        + $"permittedHostDevices:\n  {text.TrimEnd('\n').Replace("\n", "\n  ", StringComparison.Ordinal)}\n";

    private static string Rest(int count) => string.Create(CultureInfo.InvariantCulture, $"# ... and {count} more: hostdev-operator kubevirt-snippet prints all of them\n");

    private static KubeVirtEntry Entry(string list, string selector, Crds.ResourceName resource) => new(list, $"- {selector}\n  resourceName: {resource}\n  externalResourceProvider: true\n");
}

/// <param name="List">Of <c>permittedHostDevices</c>: <c>pciHostDevices</c>, <c>mediatedDevices</c> or <c>usb</c>.</param>
public sealed record KubeVirtEntry(string List, string Yaml);
