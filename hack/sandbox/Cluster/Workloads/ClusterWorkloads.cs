using System.Text.Json.Nodes;
using System.Threading.Channels;
using Hostdev.Sandbox.ApiServer;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>
/// What makes Deployments, DaemonSets, Jobs and Pods more than objects: the controllers that make Pods and report their status, a scheduler
/// and kubelets. One loop looks at everything whenever something has changed; where there is no such object it does nothing. Pods without
/// an owner are run where the cluster runs any Pod; elsewhere they are somebody's own.
/// </summary>
internal sealed class ClusterWorkloads : IAsyncDisposable
{
    /// <summary>For what no object tells: a process that has ended, a wait that is over.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);

    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );

    private readonly CancellationTokenSource _stop = new();
    private readonly SimulatedApiServer _server;
    private readonly DeploymentController _deployments;
    private readonly DaemonSetController _sets;
    private readonly JobController _jobs;
    private readonly NodeCapacity? _capacity;
    private readonly PodScheduler _scheduler;
    private readonly PodRuntime _runtime;
    private readonly Task _loop;

    /// <param name="cluster">Whose machines run what the Pods say; null where there is none, and nothing but commands is run.</param>
    /// <param name="directory">For the kubeconfigs of Pods.</param>
    public ClusterWorkloads(SimulatedApiServer server, SandboxCluster? cluster, string directory, TimeProvider time)
    {
        _server = server;
        _deployments = new DeploymentController(server.Objects, time);
        _sets = new DaemonSetController(server.Objects);
        _jobs = new JobController(server.Objects, time);
        var events = new PodEvents(server.Objects, time);
        Func<JsonObject, bool> takesPod = cluster is { RunsAnyPod: true } ? _ => true : PodTemplate.HasOwner;
        _capacity = cluster is { RunsAnyPod: true } ? new NodeCapacity(server.Objects, cluster) : null;
        _scheduler = new PodScheduler(server.Objects, events, takesPod, time);
        _runtime = new PodRuntime(server, cluster, directory, events, takesPod, time);
        server.Changed += Wake;
        _loop = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        _server.Changed -= Wake;
        await _stop.CancelAsync();
        await _loop; // a fault of this program is said aloud
        await _runtime.DisposeAsync();
        _stop.Dispose();
    }

    private void Wake() => _changed.Writer.TryWrite(true);

    private async Task RunAsync()
    {
        using var timer = new Timer(_ => Wake(), null, s_look, s_look);
        Func<Task>[] works =
        [
            Sync(_deployments.Reconcile),
            Sync(_sets.Reconcile),
            Sync(_jobs.Reconcile),
            Sync(() => _capacity?.Reconcile()),
            Sync(_scheduler.Reconcile),
            _runtime.ReconcileAsync,
        ];
        while (!_stop.IsCancellationRequested)
        {
            foreach (var work in works)
            {
                try
                {
                    await work();
                }
                catch (InvalidOperationException e) when (e.InnerException is ApiStatusException)
                {
                    // Somebody else was faster: what was read is no longer so, and the next look sees what is.
                }
            }

            try
            {
                await _changed.Reader.ReadAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private static Func<Task> Sync(Action work) =>
        () =>
        {
            work();
            return Task.CompletedTask;
        };
}
