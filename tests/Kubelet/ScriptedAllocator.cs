using System.Collections.Concurrent;
using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.Tests.Kubelet;

/// <summary>An allocator over a machine that a test sets up: bad devices are refused, a gate holds answers back.</summary>
internal sealed class ScriptedAllocator : IDeviceAllocator
{
    /// <summary>Where what is given out is noted.</summary>
    public Holdings Holdings { get; init; } = new();

    /// <summary>ID to the sentence it is refused with.</summary>
    public ConcurrentDictionary<string, string> Bad { get; } = new(StringComparer.Ordinal);

    /// <summary>ID to the sentence of the check before a start.</summary>
    public ConcurrentDictionary<string, string> Changed { get; } = new(StringComparer.Ordinal);

    /// <summary>IDs in the order they were asked for.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    public ConcurrentQueue<string> Rechecked { get; } = new();

    /// <summary>Awaited before every answer.</summary>
    public Func<ImmutableArray<string>, CancellationToken, Task> Gate { get; set; } = (_, _) => Task.CompletedTask;

    public async ValueTask<AllocateOutcome> AllocateAsync(
        ResourceName resource,
        ImmutableArray<string> deviceIds,
        CancellationToken cancellationToken
    )
    {
        foreach (var id in deviceIds)
            Asked.Enqueue(id);
        await Gate(deviceIds, cancellationToken);
        if (deviceIds.FirstOrDefault(Bad.ContainsKey) is { } bad)
        {
            return new AllocateOutcome.Refused(new Refusal(Reasons.NotReady, Bad[bad], [bad]));
        }

        Holdings.Record(deviceIds.Select(id => Answer(resource.Value, id, TimeProvider.System.GetUtcNow())));
        return new AllocateOutcome.Granted(
            ImmutableSortedDictionary<string, string>.Empty.Add($"PCI_RESOURCE_{resource.EnvSuffix}", string.Join(',', deviceIds)),
            [new DeviceNode("/dev/vfio/vfio"), .. deviceIds.Select(id => new DeviceNode($"/dev/vfio/{id}"))]
        );
    }

    public static Allocation Answer(string resource, string id, DateTimeOffset at) =>
        new()
        {
            Id = id,
            Resource = resource,
            Functions = [],
            Nodes = [],
            AnsweredAt = at,
        };

    public ValueTask<Refusal?> CheckBeforeStartAsync(
        ResourceName resource,
        ImmutableArray<string> deviceIds,
        CancellationToken cancellationToken
    ) =>
        ValueTask.FromResult(
            deviceIds.FirstOrDefault(Changed.ContainsKey) is { } id ? new Refusal(Reasons.AnswerOutdated, Changed[id], [id]) : null
        );

    public ValueTask<Refusal?> CheckOfferAsync(ResourceName resource, string deviceId, CancellationToken cancellationToken)
    {
        Rechecked.Enqueue(deviceId);
        return ValueTask.FromResult(Bad.TryGetValue(deviceId, out var message) ? new Refusal(Reasons.NotReady, message, [deviceId]) : null);
    }

    public Refusal? KnownProblem(ResourceName resource, string deviceId) =>
        Bad.TryGetValue(deviceId, out var message) ? new Refusal(Reasons.NotReady, message, [deviceId]) : null;

    /// <summary>The last IDs by name, so that a test sees that it was asked.</summary>
    public ImmutableArray<string> Prefer(
        ResourceName resource,
        ImmutableArray<string> available,
        ImmutableArray<string> mustInclude,
        int size
    ) => [.. mustInclude.Concat(available.OrderDescending(StringComparer.Ordinal)).Distinct(StringComparer.Ordinal).Take(size)];
}
