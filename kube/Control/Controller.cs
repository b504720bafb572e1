using System.Collections.Concurrent;
using Hostdev.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Hostdev.Kube.Control;

/// <summary>Told of every reconcile that ended.</summary>
/// <param name="Outcome"><c>done</c>, <c>requeue_after</c> or <c>error</c>.</param>
public readonly record struct ReconcileObservation(string Controller, string Outcome, TimeSpan Duration);

/// <summary>
/// Works on the keys of a queue, several at a time, never twice at once on one. What a key stands for is read anew at each call: a key says
/// only that something may have changed.
/// </summary>
/// <param name="name">In logs and metrics.</param>
/// <param name="reconcile">Brings the world to what is asked for. Called again after an exception, later each time.</param>
/// <param name="grace">How long work that has begun may go on after the stop; then its token is cancelled.</param>
public sealed partial class Controller<TKey>(
    string name,
    WorkQueue<TKey> queue,
    Func<TKey, CancellationToken, Task<ReconcileResult>> reconcile,
    TimeProvider time,
    ILogger logger,
    int workers = 1,
    TimeSpan? grace = null,
    Action<ReconcileObservation>? observe = null
)
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, string> _failing = new();

    /// <summary>Runs until the token is cancelled and what was begun has ended. Stops the queue.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var abandon = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var stopping = cancellationToken.Register(() =>
        {
            queue.Stop();
            abandon.CancelAfter(grace ?? TimeSpan.FromSeconds(10));
        });
        await Task.WhenAll(Enumerable.Range(0, workers).Select(_ => WorkAsync(abandon.Token))).ConfigureAwait(false);
    }

    private async Task WorkAsync(CancellationToken abandoned)
    {
        // From here on on a thread of the pool, whatever the first reconcile does before its first wait.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        while (await queue.TakeAsync(CancellationToken.None).ConfigureAwait(false) is (true, { } key))
        {
            var began = time.GetTimestamp();
            var result = await AttemptAsync(key, abandoned).ConfigureAwait(false);
            switch (result)
            {
                case ReconcileResult.Again(var delay):
                    queue.AddAfter(key, delay);
                    break;
                case ReconcileResult.Failed:
                    queue.AddAfterFailure(key);
                    break;
                default:
                    queue.Forget(key);
                    break;
            }

            queue.Done(key);
            Report(key, result, abandoned);
            observe?.Invoke(
                new ReconcileObservation(
                    name,
                    result switch
                    {
                        ReconcileResult.Failed => "error",
                        ReconcileResult.Again => "requeue_after",
                        _ => "done",
                    },
                    time.GetElapsedTime(began)
                )
            );
        }
    }

    private async Task<ReconcileResult> AttemptAsync(TKey key, CancellationToken cancellationToken)
    {
        try
        {
            return await reconcile(key, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return new ReconcileResult.Failed(e);
        }
    }

    /// <summary>A failure is said once, however often it repeats; another one for the same key is said again.</summary>
    private void Report(TKey key, ReconcileResult result, CancellationToken abandoned)
    {
        if (result is ReconcileResult.Again)
            return; // nothing was tried
        if (result is not ReconcileResult.Failed(var error))
        {
            if (_failing.TryRemove(key, out _))
                LogRecovered(name, key);
            return;
        }

        if (abandoned.IsCancellationRequested && error is OperationCanceledException)
            return;
        // Somebody else was faster: the next try sees what they wrote.
        if (error is KubeApiException { IsConflict: true })
        {
            LogConflict(name, key, error.Message);
            return;
        }

        var message = DistinctFailure.Of(error);
        if (_failing.TryGetValue(key, out var said) && said == message)
            return;
        _failing[key] = message;
        if (DistinctFailure.IsExpected(error))
            LogFailed(name, key, error.Message);
        else
            LogUnexpected(error, name, key);
    }

    [LoggerMessage(
        EventId = 5101,
        Level = LogLevel.Warning,
        Message = "{Controller} {Key}: {Error} (tried again, later each time, and not said again)"
    )]
    private partial void LogFailed(string controller, TKey key, string error);

    [LoggerMessage(
        EventId = 5102,
        Level = LogLevel.Error,
        Message = "{Controller} {Key} failed unexpectedly; it is tried again, later each time, and the same failure is not said again"
    )]
    private partial void LogUnexpected(Exception error, string controller, TKey key);

    [LoggerMessage(EventId = 5103, Level = LogLevel.Debug, Message = "{Controller} {Key}: {Error}")]
    private partial void LogConflict(string controller, TKey key, string error);

    [LoggerMessage(EventId = 5104, Level = LogLevel.Information, Message = "{Controller} {Key}: well again")]
    private partial void LogRecovered(string controller, TKey key);
}
