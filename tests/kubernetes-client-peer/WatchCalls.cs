using k8s;
using k8s.LeaderElection;
using k8s.LeaderElection.ResourceLock;
using k8s.Models;

namespace Hostdev.KubernetesClientPeer;

/// <summary>Watches, and the library's leader election by its lease lock.</summary>
internal static class WatchCalls
{
    private const string Ns = "default";

    public static IEnumerable<(string Name, Func<Task<string>> Attempt)> All(Kubernetes client) =>
        [("watch", () => WatchAsync(client)), ("watch custom", () => WatchCustomAsync(client)), ("election", () => ElectionAsync(client))];

    private static async Task<string> WatchAsync(Kubernetes client)
    {
        var events = new List<string>();
        await client.CoreV1.CreateNamespacedConfigMapAsync(new V1ConfigMap { Metadata = new V1ObjectMeta { Name = "w" } }, Ns);
        var since = (await client.CoreV1.ListNamespacedConfigMapAsync(Ns)).Metadata.ResourceVersion;
        var writing = Task.Run(async () =>
        {
            await client.CoreV1.PatchNamespacedConfigMapAsync(new V1Patch("""{"data":{"a":"1"}}""", V1Patch.PatchType.MergePatch), "w", Ns);
            await client.CoreV1.DeleteNamespacedConfigMapAsync("w", Ns);
        });
        await foreach (var (type, item) in client.CoreV1.WatchListNamespacedConfigMapAsync(Ns, resourceVersion: since))
        {
            events.Add($"{type} {item.Name()}");
            if (type == WatchEventType.Deleted)
                break;
        }

        await writing;
        return string.Join(", ", events);
    }

    private static async Task<string> WatchCustomAsync(Kubernetes client)
    {
        using var policies = new GenericClient(client, "hostdev.io", "v1alpha1", "hostdevices", disposeClient: false);
        await policies.CreateAsync(CustomCalls.Policy("seen"));
        var events = new List<string>();
        await foreach (var (type, item) in policies.WatchAsync<HostDevice>())
        {
            events.Add($"{type} {item.Metadata.Name}");
            if (type == WatchEventType.Deleted)
                break;
            await policies.DeleteAsync<V1Status>("seen");
        }

        return string.Join(", ", events);
    }

    /// <summary>One leads, gives the lease back at its end, and the other one follows.</summary>
    private static async Task<string> ElectionAsync(Kubernetes client)
    {
        var order = new List<string>();
        using var first = Elector(client, "first", order, out var firstEnd);
        using var second = Elector(client, "second", order, out var secondEnd);
        var leading = new TaskCompletionSource();
        first.OnStartedLeading += leading.SetResult;
        var running = RunAsync(first, firstEnd.Token);
        await leading.Task;
        var following = new TaskCompletionSource();
        second.OnStartedLeading += following.SetResult;
        var waiting = RunAsync(second, secondEnd.Token);
        await firstEnd.CancelAsync();
        await running;
        await following.Task;
        var lease = await client.CoordinationV1.ReadNamespacedLeaseAsync("election", Ns);
        await secondEnd.CancelAsync();
        await waiting;
        var (holder, transitions) = (lease.Spec.HolderIdentity, lease.Spec.LeaseTransitions);
        return $"{string.Join(", then ", order)}; the lease is held by {holder} after {transitions} transitions";
    }

    private static LeaderElector Elector(Kubernetes client, string name, List<string> order, out CancellationTokenSource end)
    {
        end = new CancellationTokenSource();
        var elector = new LeaderElector(
            new LeaderElectionConfig(new LeaseLock(client, Ns, "election", name))
            {
                LeaseDuration = TimeSpan.FromSeconds(3),
                RenewDeadline = TimeSpan.FromSeconds(2),
                RetryPeriod = TimeSpan.FromMilliseconds(200),
            }
        );
        elector.OnStartedLeading += () => order.Add(name);
        return elector;
    }

    private static async Task RunAsync(LeaderElector elector, CancellationToken cancellationToken)
    {
        try
        {
            await elector.RunUntilLeadershipLostAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // Its end was asked for.
        }
    }
}
