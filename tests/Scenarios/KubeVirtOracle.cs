using Hostdev.Crds;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>What KubeVirt's virt-launcher needs of an answer, re-implemented from contracts/kubevirt.md (2 to 5 and 7): the acceptance oracle.</summary>
internal static class KubeVirtOracle
{
    private static readonly string[] Prefixes = ["PCI_RESOURCE_", "MDEV_PCI_RESOURCE_", "USB_RESOURCE_"];

    public static void Check(ScenarioBench bench, SimulatedPod pod, string resource, string[] primaries)
    {
        var suffix = resource.ToUpperInvariant().Replace('/', '_').Replace('.', '_');
        var hits = Prefixes.Where(p => pod.Envs.ContainsKey(p + suffix)).ToList();
        Assert.Equal("PCI_RESOURCE_", Assert.Single(hits));
        var addresses = pod.Envs["PCI_RESOURCE_" + suffix].Split(',');
        Assert.Equal(primaries, addresses); // exactly one for each ID, ordered, full form, no spaces
        Assert.Equal(pod.Devices[resource].Length, addresses.Length);
        Assert.All(addresses, a => Assert.True(PciAddress.TryParse(a, out _), a));

        Assert.Contains("/dev/vfio/vfio", pod.DeviceNodes);
        var paths = bench.Node.Machine.Paths;
        foreach (var node in pod.DeviceNodes)
        {
            Assert.True(File.Exists(paths.Resolve(node)), $"{node} exists and is no directory");
            Assert.StartsWith("/dev/vfio/", node, StringComparison.Ordinal);
        }

        Assert.All(pod.Answers.Values.SelectMany(a => a.Devices), d => Assert.Equal((d.ContainerPath, "mrw"), (d.HostPath, d.Permissions)));
        foreach (var address in addresses)
        {
            Assert.Contains($"/dev/vfio/{Group(bench, address)}", pod.DeviceNodes);
            CheckOwner(bench, resource, $"/dev/vfio/{Group(bench, address)}");
            foreach (var cdev in Cdevs(bench, address))
            {
                Assert.Contains(cdev, pod.DeviceNodes);
                CheckOwner(bench, resource, cdev);
            }
        }
    }

    public static void NoGroupTwice(IEnumerable<SimulatedPod> pods)
    {
        var groups = pods.SelectMany(p => p.DeviceNodes).Where(n => n != "/dev/vfio/vfio").ToList();
        Assert.Equal(groups.Count, groups.Distinct(StringComparer.Ordinal).Count());
    }

    // The promises of Desired.Everything: the NIC's VFs 107:107 0660, the GPU 107:107 0600, everything else as the host has it.
    private static void CheckOwner(ScenarioBench bench, string resource, string node)
    {
        var owner = bench.Node.Machine.Calls.ReadOwner(node).Owner.ToString();
        if (resource.StartsWith("example.com/nic-", StringComparison.Ordinal)) Assert.Equal("107:107 0660", owner);
        else if (resource == "example.com/gpu") Assert.Equal("107:107 0600", owner);
        else Assert.StartsWith("0:0 ", owner, StringComparison.Ordinal);
    }

    private static string Group(ScenarioBench bench, string address) =>
        Path.GetFileName(new DirectoryInfo(bench.Node.Machine.Paths.Resolve($"/sys/bus/pci/devices/{address}/iommu_group")).LinkTarget!);

    private static IEnumerable<string> Cdevs(ScenarioBench bench, string address) =>
        Directory.GetDirectories(bench.Node.Machine.Paths.Resolve($"/sys/bus/pci/devices/{address}/vfio-dev"))
            .Where(d => File.Exists(Path.Combine(d, "dev")))
            .Select(d => $"/dev/vfio/devices/{Path.GetFileName(d)}");
}
