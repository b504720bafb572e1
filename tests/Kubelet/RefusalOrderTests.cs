using Grpc.Core;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.DevicePlugin.Offering;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>
/// Every refusal is fatal to its pod, whose controller makes a new one at once: the list that keeps the new one off comes first.
/// </summary>
public sealed class RefusalOrderTests
{
    private static readonly ResourceName Gpu = ResourceName.Parse(KubeletBench.Gpu);

    [Fact]
    public async Task The_error_is_held_back_until_the_list_that_shows_the_ID_Unhealthy_is_written()
    {
        var listing = new DeviceListing(
            Gpu,
            new Holdings(),
            new ListedDevices(ListedIds.None),
            AdvertisedListPolicy.Default,
            TimeProvider.System
        );
        listing.Want([new AdvertisedDevice("a", true, 0)]);
        Send(listing);
        var allocator = new ScriptedAllocator();
        allocator.Bad["a"] = "a is broken";
        var calls = new AllocationCalls(
            Gpu,
            listing,
            allocator,
            new KubeletTimings { ShowUnhealthy = TimeSpan.FromSeconds(30) },
            TimeProvider.System,
            () => true
        );

        var answer = calls.AllocateAsync(
            new AllocateRequest { ContainerRequests = { new ContainerAllocateRequest { DevicesIds = { "a" } } } },
            CancellationToken.None
        );
        await Waiting.UntilAsync(() => listing.Current.List.Devices is [{ Healthy: false }]);
        await Task.WhenAny(answer, Task.Delay(200, TestContext.Current.CancellationToken));
        Assert.False(answer.IsCompleted);
        Send(listing);

        Assert.Equal("a is broken", (await Assert.ThrowsAsync<RpcException>(() => answer)).Status.Detail);
    }

    [Fact]
    public void An_Allocate_ends_within_ten_seconds_and_the_check_before_a_start_before_the_kubelet_gives_up()
    {
        var timings = new KubeletTimings();

        Assert.True(timings.Allocate + timings.ShowUnhealthy < TimeSpan.FromSeconds(10));
        Assert.True(timings.PreStart < TimeSpan.FromSeconds(30));
    }

    private static void Send(DeviceListing listing)
    {
        var (list, version, _) = listing.Current;
        listing.MarkSending(list);
        listing.MarkSent(list, version);
    }
}
