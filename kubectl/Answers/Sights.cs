using System.Collections.Immutable;
using Hostdev.Crds.Kinds;

namespace Hostdev.Kubectl.Answers;

/// <summary>
/// What of an object somebody watches, as texts that differ when something has happened: by what it speaks of, a device or a condition.
/// Texts that change for nothing (messages, times, numbers of groups) are not in it.
/// </summary>
public static class Sights
{
    public static ImmutableSortedDictionary<string, string> Of(NodeReading reading)
    {
        var sights = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var condition in (reading.Status?.Conditions ?? []).OfType<NodeCondition>())
            sights[condition.Type] = $"{condition.Status} {condition.Reason}";
        foreach (var device in NodeDevices.Of(reading))
        {
            string?[] parts = [device.State.ToString(), device.Reason, device.Resource, device.PodText is { } pod ? $"pod {pod}" : null];
            sights[device.Id] = string.Join(' ', parts.Where(p => p is not null));
        }

        return sights.ToImmutable();
    }

    public static ImmutableSortedDictionary<string, string> Of(PolicyObject policy)
    {
        var sights = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var condition in (policy.Status?.Conditions ?? []).Where(c => c is not null))
            sights[condition.Type] = $"{condition.Status} {condition.Reason}";
        if (policy.Status?.Devices is { } devices)
            sights["devices"] = $"{devices.Summary} ready, {devices.Allocated} allocated, {devices.Blocked} blocked";
        return sights.ToImmutable();
    }
}

/// <summary>Something of an object is not as it was.</summary>
public sealed record Transition
{
    public required DateTimeOffset Time { get; init; }

    /// <summary><c>HostDevice/gpus</c>, <c>Node/node-1</c>.</summary>
    public required string Object { get; init; }

    /// <summary>A device's ID, or the name of a condition.</summary>
    public required string Of { get; init; }

    /// <summary>Null where it was not there.</summary>
    public string? Before { get; init; }

    /// <summary>Null where it is there no more.</summary>
    public string? After { get; init; }

    internal string Line => $"{Time:HH:mm:ss}  {Object}  {Of}  {Before ?? "new"} -> {After ?? "gone"}";

    /// <summary>In the order of what they speak of.</summary>
    /// <param name="before">Null for an object that was not there.</param>
    /// <param name="after">Null for one that is there no more.</param>
    public static ImmutableArray<Transition> Between(
        string it,
        ImmutableSortedDictionary<string, string>? before,
        ImmutableSortedDictionary<string, string>? after,
        DateTimeOffset time
    )
    {
        var (was, now) = (
            before ?? ImmutableSortedDictionary<string, string>.Empty,
            after ?? ImmutableSortedDictionary<string, string>.Empty
        );
        return
        [
            .. was
                .Keys.Concat(now.Keys)
                .Distinct(StringComparer.Ordinal)
                .Order(StringComparer.Ordinal)
                .Select(of => (Of: of, Before: was.GetValueOrDefault(of), After: now.GetValueOrDefault(of)))
                .Where(t => t.Before != t.After)
                .Select(t => new Transition
                {
                    Time = time,
                    Object = it,
                    Of = t.Of,
                    Before = t.Before,
                    After = t.After,
                }),
        ];
    }
}
