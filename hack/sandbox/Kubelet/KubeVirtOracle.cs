using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kubelet;

/// <summary>
/// What an unmodified KubeVirt needs of the answers a pod got (contracts/kubevirt.md, 2 to 5 and 7), judged by the machine's files and not
/// by the agent.
/// </summary>
public static class KubeVirtOracle
{
    private const string Vfio = "/dev/vfio/vfio";
    private const string Mdev = "MDEV_PCI_RESOURCE_";
    private const string Usb = "USB_RESOURCE_";
    private static readonly ImmutableArray<string> s_prefixes = ["PCI_RESOURCE_", Mdev, Usb];

    /// <summary>Everything that is wrong with the pod's answers, as sentences; empty when KubeVirt can start the VM.</summary>
    public static IEnumerable<string> Problems(HostPaths paths, SimulatedPod pod, IEnumerable<SimulatedPod> others)
    {
        if (pod.Phase != PodPhase.Running)
            return [$"{pod.Name} is {pod.Phase}: {pod.Message}"];
        // The kubelet merges the answers: a companion's address and nodes are in that of the resource that it goes with.
        var nodes = pod.Answers.Values.SelectMany(a => a.Devices).Select(d => (d.HostPath, d.ContainerPath, d.Permissions)).Distinct();
        var answers = pod.Answers.SelectMany(a => Answer(paths, pod.Name, a.Key, pod.Devices[a.Key], pod.Envs, [.. nodes]));
        var shared = pod.DeviceNodes.Where(n => n != Vfio && others.Any(o => o.Name != pod.Name && o.DeviceNodes.Contains(n)));
        return [.. answers, .. shared.Select(n => $"{n} was given to {pod.Name} and to another pod")];
    }

    /// <summary>
    /// Its launcher splits an address by these places (pkg/util/hardware/hw_utils.go): upper case is fine, a space or a fifth digit is not.
    /// </summary>
    public static bool HasFormKubeVirtReads(string address) =>
        Regex.IsMatch(address, "^[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7]$");

    private static IEnumerable<string> Answer(
        HostPaths paths,
        string pod,
        string resource,
        ImmutableArray<string> ids,
        ImmutableSortedDictionary<string, string> envs,
        ImmutableArray<(string Host, string Container, string Permissions)> nodes
    )
    {
        var name = resource.ToUpperInvariant().Replace('/', '_').Replace('.', '_');
        var given = s_prefixes.Where(p => envs.ContainsKey(p + name)).ToList();
        if (given is not [var prefix])
        {
            yield return $"{pod} has {given.Count} variables for {resource}, and needs exactly one: PCI_RESOURCE_{name} or its like";
            yield break;
        }

        var isMdev = prefix == Mdev;
        var addresses = envs[prefix + name].Split(',');
        if (addresses.Length != ids.Length)
            yield return $"{pod} has {addresses.Length} addresses for {ids.Length} devices of {resource}";
        if (addresses.Distinct(StringComparer.Ordinal).Count() != addresses.Length)
            yield return $"{pod} has an address of {resource} twice";
        if (prefix != Usb && !nodes.Any(n => n.Host == Vfio))
            yield return $"{pod} has no {Vfio}";
        foreach (var (host, container, permissions) in nodes)
        {
            if (host != container || permissions != "mrw")
                yield return $"{pod} has {host} as {container} with {permissions}: KubeVirt needs the same path with mrw";
            if (!File.Exists(paths.Resolve(host)))
                yield return $"{pod} has {host}, which is no node of this host";
        }

        if (prefix == Usb)
        {
            foreach (var problem in addresses.Select(a => UsbProblem(a, [.. nodes.Select(n => n.Host)])).OfType<string>())
                yield return $"{pod} has {problem} of {resource}";
            yield break;
        }

        foreach (var address in addresses)
        {
            if (!isMdev && !HasFormKubeVirtReads(address))
                yield return $"{pod} has \"{address}\" of {resource}: the launcher reads dddd:bb:ss.f with exactly four digits of domain";
            var group = new FileInfo(paths.Resolve($"/sys/bus/{(isMdev ? "mdev" : "pci")}/devices/{address}/iommu_group")).LinkTarget;
            if (group is null)
                yield return $"{pod} has {address} of {resource}, which is no device of this host";
            else if (!nodes.Any(n => n.Host == "/dev/vfio/" + Path.GetFileName(group)))
                yield return $"{pod} has {address} without the node of its group {Path.GetFileName(group)}";
        }
    }

    /// <summary>Decimal numbers of bus and device, which the launcher turns into the node's path (pkg/util/hardware, usb).</summary>
    private static string? UsbProblem(string address, ImmutableArray<string> nodes)
    {
        if (Regex.Match(address, "^([1-9][0-9]{0,2}):([1-9][0-9]{0,2})$") is not { Success: true } match)
            return $"\"{address}\", which the launcher reads as bus:device in decimal,";
        var node = $"/dev/bus/usb/{match.Groups[1].Value.PadLeft(3, '0')}/{match.Groups[2].Value.PadLeft(3, '0')}";
        return nodes.Contains(node) ? null : $"{address} without its node {node}";
    }
}
