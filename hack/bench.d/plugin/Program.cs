using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.BenchPlugin;

/// <summary>
/// The agent's serving half and nothing else: registers example.com/ours with the kubelet of a directory, and answers Allocate with what is
/// ready.
/// </summary>
internal static class Program
{
    private const string Device = "0000:40:00.0";

    public static async Task Main(string[] args)
    {
        var advertiser = new KubeletAdvertiser(
            args[0],
            new ReadyAllocator(),
            new Holdings(),
            TimeProvider.System,
            NullLogger<KubeletAdvertiser>.Instance
        );
        advertiser.Start();
        advertiser.Update([new AdvertisedResource(ResourceName.Parse("example.com/ours"), [new AdvertisedDevice(Device, true, 0)])]);
        await Task.Delay(Timeout.Infinite);
    }

    private sealed class ReadyAllocator : IDeviceAllocator
    {
        public ValueTask<AllocateOutcome> AllocateAsync(
            ResourceName resource,
            ImmutableArray<string> deviceIds,
            CancellationToken cancellationToken
        ) =>
            new(
                new AllocateOutcome.Granted(
                    ImmutableSortedDictionary<string, string>.Empty.Add("PCI_RESOURCE_EXAMPLE_COM_OURS", deviceIds[0]),
                    [new DeviceNode("/dev/vfio/vfio"), new DeviceNode("/dev/vfio/17")]
                )
            );

        public ValueTask<Refusal?> CheckBeforeStartAsync(
            ResourceName resource,
            ImmutableArray<string> deviceIds,
            CancellationToken cancellationToken
        ) => ValueTask.FromResult<Refusal?>(null);

        public ImmutableArray<string> Prefer(
            ResourceName resource,
            ImmutableArray<string> available,
            ImmutableArray<string> mustInclude,
            int size
        ) => [.. available.Take(size)];
    }
}
