using System.Globalization;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>The pod that this agent is, by the downward API.</summary>
public sealed record OwnPod(string Namespace, string Name)
{
    public override string ToString() => $"{Namespace}/{Name}";
}

/// <summary>
/// Reads which pod uses which device, and judges whether what the kubelet's list lacks may count as absent (contracts/kubelet.md,
/// "Pod-resources API").
/// </summary>
/// <param name="own">Null when the agent is no pod: then a list need not name it.</param>
/// <param name="uptime">How long a kubelet must have been up before what its list lacks counts.</param>
public sealed class PodUseReader(
    PodResourcesClient pods,
    KubeletUptime kubelet,
    KubeletCheckpointReader checkpoint,
    OwnPod? own,
    TimeSpan uptime,
    TimeProvider time
)
{
    /// <summary>The reading, and when it began. Only the caller's own cancellation throws.</summary>
    public async Task<(PodUseReading Reading, DateTimeOffset AsOf)> ReadAsync(CancellationToken cancellationToken)
    {
        kubelet.Look();
        var asOf = time.GetUtcNow();
        var reading = await pods.ListAsync(cancellationToken);
        // After the list: a kubelet that was replaced while it was asked, or just before, is a new one here.
        var up = kubelet.Look();
        return (
            reading switch
            {
                PodResourcesReading.Read read => new PodUseReading.Listed
                {
                    Devices =
                    [
                        .. read.Devices.Select(d => new PodUse(d.Resource, d.DeviceId, $"{d.Namespace}/{d.Pod}")
                        {
                            Container = d.Container,
                        }),
                    ],
                    Doubt = Doubt(read, up),
                    Checkpoint = checkpoint.Read(),
                },
                PodResourcesReading.Unreadable unreadable => new PodUseReading.Unreadable(unreadable.Message),
                _ => throw new System.Diagnostics.UnreachableException(),
            },
            asOf
        );
    }

    private string? Doubt(PodResourcesReading.Read read, TimeSpan? up)
    {
        if (up is null || up < uptime)
            return string.Create(
                CultureInfo.InvariantCulture,
                $"the kubelet's list lacks it, which proves nothing before the kubelet was seen up for "
                    + $"{uptime.TotalSeconds:0.#} s: after a start it learns of its pods one by one"
            );
        return own is null || read.Pods.Contains((own.Namespace, own.Name))
            ? null
            : $"the kubelet's list lacks it, but also the agent's own pod {own}, so it is not whole";
    }
}
