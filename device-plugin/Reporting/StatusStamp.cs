using System.Collections.Immutable;
using Hostdev.Crds.Kinds;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>Gives a status its times, as the API's conventions ask for: a condition's time moves with its status alone.</summary>
public static class StatusStamp
{
    /// <param name="before">The conditions that stand there.</param>
    public static NodeDeviceStateStatus Times(NodeDeviceStateStatus status, ImmutableArray<NodeCondition> before, DateTimeOffset now) =>
        status with
        {
            Conditions =
            [
                .. status.Conditions.Select(c =>
                    c with
                    {
                        LastTransitionTime =
                            before.FirstOrDefault(b => b.Type == c.Type) is { LastTransitionTime: { } since } old && old.Status == c.Status
                                ? since
                                : Seconds(now),
                        ObservedGeneration = status.ObservedGeneration,
                    }
                ),
            ],
        };

    /// <summary>The API server keeps whole seconds (<c>metav1.Time</c>).</summary>
    private static DateTimeOffset Seconds(DateTimeOffset time) => new(time.Ticks - (time.Ticks % TimeSpan.TicksPerSecond), time.Offset);
}
