using System.Text.Json.Nodes;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>What <see cref="Desired.Everything"/> promises of each pod's answer, beyond what KubeVirt needs of any.</summary>
internal static class OfferPromises
{
    public static void Check(ScenarioBench bench, SimulatedPod pod, string resource, string[] primaries)
    {
        var paths = bench.Node.Machine.Paths;
        Assert.Empty(KubeVirtOracle.Problems(paths, pod, bench.Kubelet.Pods));
        // ordered, full form, no spaces
        var suffix = resource.ToUpperInvariant().Replace('/', '_').Replace('.', '_');
        Assert.Equal(string.Join(',', primaries), pod.Envs["PCI_RESOURCE_" + suffix]);
        foreach (var (_, value) in pod.Envs.Where(e => e.Key.EndsWith("_INFO", StringComparison.Ordinal)))
            DeviceInfoSchema.Check(value);
        var told = JsonNode.Parse(pod.Envs[$"HOSTDEV_{suffix}_INFO"])!["devices"]!.AsArray();
        Assert.Equal(primaries, told.Select(d => (string)d!["address"]!));
        Assert.Subset(pod.DeviceNodes.ToHashSet(), told.SelectMany(d => d!["nodes"]!.AsArray().Select(n => (string)n!)).ToHashSet());
        foreach (var address in primaries)
        {
            var group = Path.GetFileName(new DirectoryInfo(paths.Resolve($"/sys/bus/pci/devices/{address}/iommu_group")).LinkTarget!);
            CheckOwner(bench, resource, $"/dev/vfio/{group}");
            foreach (var cdev in Cdevs(bench, address))
            {
                Assert.Contains(cdev, pod.DeviceNodes);
                CheckOwner(bench, resource, cdev);
            }
        }
    }

    // The NIC's VFs 107:107 0660, the GPU 107:107 0600, everything else as the host has it.
    private static void CheckOwner(ScenarioBench bench, string resource, string node)
    {
        var owner = bench.Node.Machine.Calls.ReadOwner(node).Owner.ToString();
        if (resource.StartsWith("example.com/nic-", StringComparison.Ordinal))
            Assert.Equal("107:107 0660", owner);
        else if (resource == "example.com/gpu")
            Assert.Equal("107:107 0600", owner);
        else
            Assert.StartsWith("0:0 ", owner, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Cdevs(ScenarioBench bench, string address) =>
        Directory
            .GetDirectories(bench.Node.Machine.Paths.Resolve($"/sys/bus/pci/devices/{address}/vfio-dev"))
            .Where(d => File.Exists(Path.Combine(d, "dev")))
            .Select(d => $"/dev/vfio/devices/{Path.GetFileName(d)}");
}
