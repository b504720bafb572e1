using Hostdev.Sandbox.Kubelet;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// What KubeVirt's launcher makes of a container's environment (contracts/kubevirt.md, 2 to 5): one PCI device for each entry of the VM,
/// from the front of its resource's list of addresses.
/// </summary>
internal static class VirtLauncher
{
    /// <summary>The addresses of the VM's entries, in their order.</summary>
    /// <param name="deviceNames">A resource for each entry of <c>hostDevices</c>.</param>
    /// <exception cref="InvalidOperationException">The VM does not start.</exception>
    public static IReadOnlyList<string> Addresses(SimulatedPod pod, params IEnumerable<string> deviceNames)
    {
        var pools = new Dictionary<string, Queue<string>>(StringComparer.Ordinal);
        return
        [
            .. deviceNames.Select(name =>
            {
                var variable = "PCI_RESOURCE_" + name.ToUpperInvariant().Replace('/', '_').Replace('.', '_');
                if (!pools.TryGetValue(variable, out var pool))
                    pools[variable] = pool = new(pod.Envs.GetValueOrDefault(variable)?.Split(',') ?? []);
                return pool.TryDequeue(out var address)
                    ? address
                    : throw new InvalidOperationException($"the number of addresses in {variable} is less than what the VM asks for");
            }),
        ];
    }
}
