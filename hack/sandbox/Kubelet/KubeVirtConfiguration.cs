using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Kubelet;

/// <summary>
/// What KubeVirt's webhook, its controller and its launcher say to the devices of a VM, by the KubeVirt object (contracts/kubevirt.md, 1 to
/// 4 with what running its own code added). The
/// kubelet's answers to the pod are <see cref="KubeVirtOracle"/>'s.
/// </summary>
public sealed record KubeVirtConfiguration
{
    public const string HostDevicesGate = "HostDevices";
    public const string GraceGate = "GraceIOVirtualization";

    private static readonly ImmutableArray<string> s_graceIds = ["10DE:2342", "10DE:2345", "10DE:2348", "10DE:2941", "10DE:31C2"];
    private static readonly ImmutableArray<string> s_lists = ["gpus", "hostDevices"];
    private static readonly ImmutableArray<string> s_permitted = ["pciHostDevices", "mediatedDevices", "usb"];

    public ImmutableHashSet<string> FeatureGates
    {
        get => field ?? [];
        init;
    }

    /// <summary>
    /// By resource, its entries of all lists; null where there is no <c>permittedHostDevices</c>, which permits every name.
    /// </summary>
    public ILookup<string, JsonNode>? Permitted { get; init; }

    /// <summary>Of a KubeVirt object.</summary>
    public static KubeVirtConfiguration Of(JsonNode kubeVirt)
    {
        var configuration = kubeVirt["spec"].Object("configuration");
        var permitted = configuration.Object("permittedHostDevices");
        return new KubeVirtConfiguration
        {
            FeatureGates = [.. configuration.Object("developerConfiguration").Texts("featureGates")],
            Permitted = permitted is null
                ? null
                : s_permitted
                    .SelectMany(l => permitted.Objects(l))
                    .ToLookup(e => e.Text("resourceName"), JsonNode (e) => e, StringComparer.Ordinal),
        };
    }

    /// <summary>Why a VM with these devices does not run, or runs beside others with the same device; none when all is well.</summary>
    /// <param name="vmi">A VirtualMachineInstance, or the template of one.</param>
    public IEnumerable<string> Problems(JsonNode vmi)
    {
        var devices = vmi["spec"].Object("domain").Object("devices");
        var asked = s_lists.ToDictionary(l => l, l => devices.Objects(l).Select(d => d.Text("deviceName")).ToImmutableArray());
        // pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go
        if (!asked["hostDevices"].IsEmpty && !FeatureGates.Contains(HostDevicesGate))
            yield return "Host Devices feature gate is not enabled in kubevirt-config";
        foreach (var resource in asked.Values.SelectMany(n => n).Distinct(StringComparer.Ordinal))
        {
            foreach (var problem in Problems(resource))
                yield return problem;
        }

        // Two pools in its launcher, each of which begins with the first address of the variable.
        foreach (var both in asked["gpus"].Intersect(asked["hostDevices"], StringComparer.Ordinal))
            yield return $"{both} stands under gpus and under hostDevices: both entries get the same device";
    }

    private IEnumerable<string> Problems(string resource)
    {
        // pkg/virt-controller/services/template.go: a name that is not permitted fails the pod and not the admission.
        if (Permitted is null)
            yield break;
        var entries = Permitted[resource].ToImmutableArray();
        if (entries.IsEmpty)
            yield return $"Synchronized=False FailedCreate: {resource} is not in permittedHostDevices";
        foreach (var entry in entries)
        {
            var ids = entry.Text("pciVendorSelector");
            if (entry["externalResourceProvider"]?.GetValue<bool>() != true)
                yield return $"KubeVirt's own device plugin offers {ids} as {resource} too";
            if (s_graceIds.Contains(ids.ToUpperInvariant()) && !FeatureGates.Contains(GraceGate))
                yield return $"{ids} needs the feature gate {GraceGate}";
        }

        // Whatever the name: its plugin takes devices by their ids.
        var sought = entries
            .Select(e => e.Text("pciVendorSelector").ToUpperInvariant())
            .Where(i => i.Length > 0)
            .ToHashSet(StringComparer.Ordinal);
        foreach (var other in Permitted.Where(p => p.Key != resource).SelectMany(p => p))
        {
            if (
                other["externalResourceProvider"]?.GetValue<bool>() == true
                || !sought.Contains(other.Text("pciVendorSelector").ToUpperInvariant())
            )
                continue;
            var (ids, name) = (other.Text("pciVendorSelector"), other.Text("resourceName"));
            yield return $"KubeVirt's own device plugin offers {ids} as {name} beside {resource}";
        }
    }
}
