using Hostdev.Crds;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Sandbox.Kubelet;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Tests.Kubelet;

/// <summary>A simulated kubelet and an advertiser on one directory.</summary>
internal sealed class KubeletBench : IAsyncDisposable
{
    public const string Gpu = "example.com/gpu";
    public const string Nic = "example.com/nic";

    private readonly string _root = Directory.CreateTempSubdirectory("hd").FullName;

    public KubeletBench(KubeletTimings? timings = null, TimeProvider? kubeletTime = null)
    {
        Kubelet = new SimulatedKubelet(Path.Combine(_root, "device-plugins"), kubeletTime ?? TimeProvider.System);
        Advertiser = new KubeletAdvertiser(
            Kubelet.Directory,
            Allocator,
            TimeProvider.System,
            NullLogger<KubeletAdvertiser>.Instance,
            timings
        );
    }

    public SimulatedKubelet Kubelet { get; }

    public KubeletAdvertiser Advertiser { get; }

    public ScriptedAllocator Allocator { get; } = new();

    public ResourceState State(string resource) => Advertiser.Snapshot().Single(s => s.Name.Value == resource);

    public static AdvertisedResource Resource(string name, params string[] ids) =>
        new(ResourceName.Parse(name), [.. ids.Select(id => new AdvertisedDevice(id, true, 0))]);

    public static AdvertisedResource Sick(string name, params string[] ids) =>
        new(ResourceName.Parse(name), [.. ids.Select(id => new AdvertisedDevice(id, false, 0))]);

    /// <summary>Kubelet and advertiser run, and the kubelet has every device of the resources.</summary>
    public async Task StartAsync(params AdvertisedResource[] resources)
    {
        await Kubelet.StartAsync();
        Advertiser.Start();
        Advertiser.Update([.. resources]);
        foreach (var resource in resources)
            await OfferedAsync(resource.Name.Value, resource.Devices.Length);
    }

    public Task OfferedAsync(string resource, int devices) =>
        Waiting.UntilAsync(() => Kubelet.Allocatable(resource) == devices, state: () => Describe(resource));

    /// <summary>Reports as held, by a reading of now, what the given pairs say and nothing else.</summary>
    public void Report(params (string Resource, string Id)[] held) =>
        Advertiser.Report(
            new HeldDevices([.. held.Select(h => new HeldDevice(ResourceName.Parse(h.Resource), h.Id))], TimeProvider.System.GetUtcNow())
        );

    public async ValueTask DisposeAsync()
    {
        await Advertiser.DisposeAsync();
        await Kubelet.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    private string Describe(string resource) =>
        $"capacity {Kubelet.Capacity(resource)}, allocatable {Kubelet.Allocatable(resource)}, state "
        + $"{string.Join(", ", Advertiser.Snapshot().Where(s => s.Name.Value == resource))}, kubelet "
        + $"{Kubelet.CauseOfDeath ?? "alive"}";
}
