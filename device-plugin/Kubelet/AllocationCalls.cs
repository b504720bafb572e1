using System.Collections.Immutable;
using Grpc.Core;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// GetPreferredAllocation, Allocate and PreStartContainer of one resource. An Allocate ends within 10 s; a refusal is first shown on the
/// stream, then returned as an error, since the kubelet fails the pod for good and its controller asks again at once.
/// </summary>
internal sealed class AllocationCalls(
    ResourceName resource,
    DeviceListing listing,
    IDeviceAllocator allocator,
    KubeletTimings timings,
    TimeProvider time,
    Func<bool> streamLive
)
{
    /// <summary>
    /// The kubelet asks for one container at a time. A request of nothing but empty ones would be answered with a hundred times its size.
    /// </summary>
    public const int MostContainers = 16;

    public PreferredAllocationResponse Prefer(PreferredAllocationRequest request)
    {
        var response = new PreferredAllocationResponse();
        foreach (var container in request.ContainerRequests)
        {
            var preferred = allocator.Prefer(
                resource,
                [.. container.AvailableDeviceIDs],
                [.. container.MustIncludeDeviceIDs],
                container.AllocationSize
            );
            response.ContainerResponses.Add(new ContainerPreferredAllocationResponse { DeviceIDs = { preferred } });
        }

        return response;
    }

    public async Task<AllocateResponse> AllocateAsync(AllocateRequest request, CancellationToken cancellationToken)
    {
        var response = new AllocateResponse();
        foreach (var container in request.ContainerRequests)
        {
            var ids = container.DevicesIds.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToImmutableArray();
            response.ContainerResponses.Add(ToResponse(await GrantAsync(ids, cancellationToken)));
        }

        return response;
    }

    public async Task<PreStartContainerResponse> PreStartAsync(PreStartContainerRequest request, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timings.PreStart, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        Refusal? refusal;
        try
        {
            refusal = await allocator
                .CheckBeforeStartAsync(resource, [.. request.DevicesIds.Order(StringComparer.Ordinal)], ended.Token)
                .AsTask()
                .WaitAsync(ended.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            throw Error(
                StatusCode.DeadlineExceeded,
                $"the devices of {resource} could not be checked within {timings.PreStart.TotalSeconds:0.#} s before "
                    + "the container starts; the kubelet tries again"
            );
        }

        return refusal is null ? new PreStartContainerResponse() : throw Error(StatusCode.FailedPrecondition, refusal.Message);
    }

    private async Task<AllocateOutcome.Granted> GrantAsync(ImmutableArray<string> ids, CancellationToken cancellationToken)
    {
        if (listing.BeginAllocate(ids, out var early) is not { } call)
            throw Error(StatusCode.FailedPrecondition, (Known(early!) ?? early!).Message);
        var granted = false;
        try
        {
            var outcome = await AskAsync(ids, cancellationToken);
            if (outcome is AllocateOutcome.Granted grant)
            {
                granted = true;
                return grant;
            }

            var refusal = ((AllocateOutcome.Refused)outcome).Refusal;
            await ShowUnhealthyAsync(AtFault(refusal, ids), refusal);
            var late = refusal.Reason == Reasons.AllocateTimedOut;
            throw Error(late ? StatusCode.DeadlineExceeded : StatusCode.FailedPrecondition, refusal.Message);
        }
        finally
        {
            listing.EndAllocate(call, granted);
        }
    }

    /// <summary>
    /// The kubelet chose a device before it read that it is Unhealthy. Why it is says more than that it is: the sentence becomes the pod's.
    /// </summary>
    private Refusal? Known(Refusal early) =>
        early.Reason == Reasons.DeviceUnhealthy ? allocator.KnownProblem(resource, early.DeviceIds[0]) : null;

    /// <summary>
    /// The allocator's outcome; a refusal when it takes too long or fails, since the kubelet's one sync loop waits for this answer.
    /// </summary>
    private async Task<AllocateOutcome> AskAsync(ImmutableArray<string> ids, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timings.Allocate, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await allocator.AllocateAsync(resource, ids, ended.Token).AsTask().WaitAsync(ended.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return new AllocateOutcome.Refused(
                new Refusal(
                    Reasons.AllocateTimedOut,
                    $"{string.Join(", ", ids)} of {resource} could not be made ready within "
                        + $"{timings.Allocate.TotalSeconds:0.#} s, so nothing was handed out",
                    ids
                )
            );
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new AllocateOutcome.Refused(
                new Refusal(Reasons.AllocateFailed, $"{string.Join(", ", ids)} of {resource} could not be checked: {e.Message}", ids)
            );
        }
    }

    private async Task ShowUnhealthyAsync(ImmutableArray<string> ids, Refusal refusal)
    {
        var version = listing.Refuse(ids, refusal.Reason, refusal.Message);
        using var patience = new CancellationTokenSource(timings.ShowUnhealthy, time);
        while (!patience.IsCancellationRequested)
        {
            var changed = listing.Changed.Next;
            if (listing.SentVersion >= version || !streamLive())
                return;
            await Task.WhenAny(changed, Task.Delay(Timeout.InfiniteTimeSpan, patience.Token));
        }
    }

    /// <summary>The asked IDs that the refusal blames; all of them when it blames none.</summary>
    private static ImmutableArray<string> AtFault(Refusal refusal, ImmutableArray<string> ids)
    {
        var blamed = ids.Intersect(refusal.DeviceIds.IsDefault ? [] : refusal.DeviceIds, StringComparer.Ordinal).ToImmutableArray();
        return blamed.IsEmpty ? ids : blamed;
    }

    private static RpcException Error(StatusCode code, string message) => new(new Status(code, message));

    private static ContainerAllocateResponse ToResponse(AllocateOutcome.Granted granted)
    {
        var response = new ContainerAllocateResponse();
        foreach (var (name, value) in granted.Envs)
            response.Envs.Add(name, value);
        foreach (var node in granted.Nodes)
            response.Devices.Add(
                new DeviceSpec
                {
                    ContainerPath = node.Path,
                    HostPath = node.Path,
                    Permissions = node.Permissions,
                }
            );
        return response;
    }
}
