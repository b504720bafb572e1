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

    [Theory]
    [InlineData("a is broken", "a is broken")]
    [InlineData(
        null,
        "a of example.com/gpu is being withdrawn or has a problem, which the status of this node names; it is not handed out"
    )]
    public async Task Whoever_chose_a_device_before_it_turned_Unhealthy_is_told_what_is_the_matter_with_it(string? known, string said)
    {
        var listing = NewListing();
        listing.Want([new AdvertisedDevice("a", true, 0)]);
        Send(listing);
        listing.Want([new AdvertisedDevice("a", false, 0)]);
        var allocator = new ScriptedAllocator();
        if (known is not null)
            allocator.Bad["a"] = known;
        var calls = new AllocationCalls(Gpu, listing, allocator, new KubeletTimings(), TimeProvider.System, () => true);

        var refused = await Assert.ThrowsAsync<RpcException>(() => calls.AllocateAsync(AskFor("a"), CancellationToken.None));

        Assert.Equal((StatusCode.FailedPrecondition, said), (refused.StatusCode, refused.Status.Detail));
        Assert.Empty(allocator.Asked);
    }

    [Fact]
    public async Task The_error_is_held_back_until_the_list_that_shows_the_ID_Unhealthy_is_written()
    {
        var listing = NewListing();
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

        var answer = calls.AllocateAsync(AskFor("a"), CancellationToken.None);
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

    private static DeviceListing NewListing() =>
        new(Gpu, new Holdings(), new ListedDevices(ListedIds.None), AdvertisedListPolicy.Default, TimeProvider.System);

    private static AllocateRequest AskFor(string id) =>
        new() { ContainerRequests = { new ContainerAllocateRequest { DevicesIds = { id } } } };

    private static void Send(DeviceListing listing)
    {
        var (list, version, _) = listing.Current;
        listing.MarkSending(list);
        listing.MarkSent(list, version);
    }
}
