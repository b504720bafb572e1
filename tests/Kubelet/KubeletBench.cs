using System.Collections.Frozen;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Sandbox.Kubelet;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Tests.Kubelet;

/// <summary>A simulated kubelet and an advertiser on one directory.</summary>
internal sealed class KubeletBench : IAsyncDisposable
{
    public const string Gpu = "example.com/gpu";
    public const string Nic = "example.com/nic";

    private readonly string _root = Directory.CreateTempSubdirectory("hd").FullName;

    private readonly ReleaseProof _proof;

    /// <param name="proof">What a <see cref="Report"/> proves; as in production by default.</param>
    /// <param name="mayCall">As in production by default: this process is the kubelet.</param>
    /// <param name="listed">What the agent listed before; nothing by default.</param>
    public KubeletBench(
        KubeletTimings? timings = null,
        TimeProvider? kubeletTime = null,
        ReleaseProof? proof = null,
        ILogger<KubeletAdvertiser>? logger = null,
        Func<SocketPeer, SocketPeer, bool>? mayCall = null,
        ListedDevices? listed = null
    )
    {
        _proof = proof ?? new ReleaseProof();
        Allocator = new ScriptedAllocator { Holdings = Holdings };
        Kubelet = new SimulatedKubelet(Path.Combine(_root, "device-plugins"), kubeletTime ?? TimeProvider.System);
        Advertiser = new KubeletAdvertiser(
            Kubelet.Directory,
            Allocator,
            Holdings,
            TimeProvider.System,
            logger ?? NullLogger<KubeletAdvertiser>.Instance,
            timings,
            listed: listed
        )
        {
            MayCall = mayCall ?? SocketCallers.IsKubelet,
        };
    }

    public SimulatedKubelet Kubelet { get; }

    public KubeletAdvertiser Advertiser { get; }

    public Holdings Holdings { get; } = new();

    public ScriptedAllocator Allocator { get; }

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

    /// <summary>A look of now at the kubelet's pods, which shows the given pairs and nothing else.</summary>
    public void Report(params (string Resource, string Id)[] held)
    {
        var now = TimeProvider.System.GetUtcNow();
        var reading = new PodUseReading.Listed
        {
            Devices = [.. held.Select(h => new PodUse(h.Resource, h.Id, "vms/vm-1"))],
            Doubt = null,
            Checkpoint = new CheckpointReading.Read("checkpoint", held.ToFrozenDictionary(h => h, _ => "vms/vm-1")),
        };
        Holdings.Look(l => l.Observe(reading, now, _proof, d => ScriptedAllocator.Answer(d.Resource, d.Id, now), _ => null), now);
        Advertiser.HoldersLookedAt(reading);
    }

    /// <summary>A look of now at who has what, by the kubelet's own list, and the checkpoint as it is.</summary>
    public void LookAtPods()
    {
        var devices =
            from pod in Kubelet.Pods
            from resource in pod.Devices
            from id in resource.Value
            select new PodUse(resource.Key, id, $"{pod.Namespace}/{pod.Name}");
        var checkpoint = new KubeletCheckpointReader(Kubelet.Directory).Read();
        Advertiser.HoldersLookedAt(
            new PodUseReading.Listed
            {
                Devices = [.. devices],
                Doubt = null,
                Checkpoint = checkpoint,
            }
        );
    }

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
