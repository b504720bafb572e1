using Hostdev.Crds;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>Asks the allocator about refused IDs when their re-check is due, and shows them Healthy again after a good one.</summary>
internal sealed class RefusalRechecks(
    ResourceName resource,
    DeviceListing listing,
    IDeviceAllocator allocator,
    KubeletTimings timings,
    TimeProvider time
)
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var changed = listing.Changed.Next;
                var now = time.GetUtcNow();
                foreach (var due in listing.Refusals.Due(now))
                    await RecheckAsync(due, cancellationToken);
                if (listing.Refusals.NextRecheck is not { } next)
                    await changed.WaitAsync(cancellationToken);
                else if (next > time.GetUtcNow())
                    await WaitAsync(changed, next - time.GetUtcNow(), cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private async Task WaitAsync(Task changed, TimeSpan wait, CancellationToken cancellationToken)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(changed, Task.Delay(wait < TimeSpan.Zero ? TimeSpan.Zero : wait, time, timer.Token));
        await timer.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private async Task RecheckAsync(RefusedDevice device, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timings.Allocate, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            var refusal = await allocator.CheckOfferAsync(resource, device.Id, ended.Token).AsTask().WaitAsync(ended.Token);
            if (refusal is null)
                listing.Pass(device.Id);
            else
                listing.Refuse([device.Id], refusal.Reason, refusal.Message);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            listing.Refuse([device.Id], device.Reason, device.Message);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            listing.Refuse([device.Id], device.Reason, $"{device.Id} of {resource} could not be checked: {e.Message}");
        }
    }
}
