using System.Threading.Channels;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Controllers;

/// <summary>
/// The part of the control plane that clients count on: definitions become established, what a namespace or a definition held goes with it,
/// objects go with their owners. One loop sees every change in order; while the server is away it waits.
/// </summary>
internal sealed class ClusterControllers : IAsyncDisposable
{
    private readonly Channel<Work> _work = Channel.CreateUnbounded<Work>(new UnboundedChannelOptions { SingleReader = true });
    private readonly DefinitionController _definitions;
    private readonly GarbageCollector _garbage;
    private readonly NamespaceController _namespaces;
    private CancellationTokenSource? _stop;
    private Task _loop = Task.CompletedTask;
    private long _seen;

    public ClusterControllers(ObjectStore store, ResourceRegistry registry, TimeProvider time, ClusterObjects objects)
    {
        _definitions = new DefinitionController(store, time, objects);
        _garbage = new GarbageCollector(store, registry, objects);
        _namespaces = new NamespaceController(store, registry, objects);
        store.OnChanged = (resource, change) => _work.Writer.TryWrite(new Work(resource, change, null));
    }

    /// <summary>Called after each change that was dealt with.</summary>
    public Action Seen { get; init; } = () => { };

    public void Start()
    {
        _stop = new CancellationTokenSource();
        _loop = Task.Run(() => RunAsync(_stop.Token));
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    public async Task StopAsync()
    {
        if (_stop is null)
            return;
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
        _stop = null;
    }

    /// <summary>Done when everything was dealt with that had happened by now, and what came of it.</summary>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        for (var before = -1L; before != _seen; )
        {
            before = _seen;
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _work.Writer.TryWrite(new Work(null, null, done));
            await done.Task.WaitAsync(cancellationToken);
        }
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var work in _work.Reader.ReadAllAsync(cancellationToken))
            {
                if (work is { Resource: { } resource, Change: { } change })
                {
                    _definitions.Observe(resource, change);
                    _namespaces.Observe(resource, change);
                    _garbage.Observe(resource, change);
                    Interlocked.Exchange(ref _seen, change.Revision);
                    Seen();
                }

                work.Done?.TrySetResult();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The server goes away; what is left is dealt with when it comes back.
        }
    }

    private sealed record Work(StorageKey? Resource, StoreEvent? Change, TaskCompletionSource? Done);
}
