using Hostdev.DevicePlugin.Agent;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Sandbox;

/// <summary>The VMM that the sandbox starts for a pod opens what the pod was given, as QEMU does.</summary>
public sealed class VmmTests : IAsyncLifetime
{
    private const string Gpus = "example.com/gpu";
    private const string Sounds = "example.com/gpu-audio";

    private readonly SandboxNode _node = new(new SimulatedKernel(DemoMachines.GpuNode), SandboxDirectory.Create());

    public async ValueTask InitializeAsync()
    {
        await _node.Kubelet.StartAsync(TestContext.Current.CancellationToken);
        var desired = Path.Combine(_node.Directory, "desired.yaml");
        await File.WriteAllTextAsync(
            desired,
            $$"""
            policies:
            - kind: HostDevice
              name: gpus
              spec:
                resourceName: {{Gpus}}
                nodeSelector: {}
                devices:
                  pci:
                    selectors: [{vendor: "10de", class: "03"}]
                    members: [{function: 1, companion: {{Sounds}}}]

            """,
            TestContext.Current.CancellationToken
        );
        _node.StartAgent(new AgentOptions { DesiredFile = desired });
        await Waiting.UntilAsync(
            () => _node.Kubelet.Allocatable(Gpus) == 4 && _node.Kubelet.Allocatable(Sounds) == 4,
            60,
            () => File.ReadAllText(_node.LogFile)
        );
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        Directory.Delete(_node.Directory, recursive: true);
    }

    /// <summary>A companion's token looks like a mediated device's UUID, and is no device: there is nothing of it to be opened.</summary>
    [Fact]
    public async Task Of_a_pod_with_a_companion_it_opens_the_card_and_has_both_functions()
    {
        var pod = await _node.StartVmAsync("desk", new DeviceRequest(Gpus, 1), new DeviceRequest(Sounds, 1));
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        var card = Assert.Single(pod.Devices[Gpus]);
        Assert.True(_node.Reaches("desk", card));
        Assert.True(_node.Reaches("desk", card[..^1] + "1"));
        _node.EndVm("desk");
    }
}
