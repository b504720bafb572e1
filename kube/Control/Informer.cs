using System.Collections.Immutable;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Microsoft.Extensions.Logging;

namespace Hostdev.Kube.Control;

/// <summary>
/// Keeps a <see cref="Store"/> like what the API server has: lists, then watches from there; resumes a watch that broke where it was; lists
/// again when the server no longer knows what happened since, and finds by comparison what was deleted meanwhile. While the server is away,
/// or the kind is not served, the store keeps what it has: not seen is not gone.
/// </summary>
/// <remarks>
/// Events come one at a time, after the store has changed. Subscribe before <see cref="RunAsync"/>; handlers must not block.
/// </remarks>
public sealed partial class Informer<T>(
    KubeClient client,
    KubeKind<T> kind,
    Selection selection,
    TimeProvider time,
    Random random,
    ILogger logger,
    InformerTimings? timings = null
)
    where T : class, IKubeObject
{
    private readonly InformerTimings _timings = timings ?? new InformerTimings();
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly HashSet<UnreadableObject> _reported = [];
    private ImmutableHashSet<ObjectKey> _unreadable = [];
    private string? _resourceVersion;
    private string? _problem;
    private string? _said;
    private DateTimeOffset? _lastSuccess;
    private bool _watching;
    private bool _opened;

    public event Action<T>? Added;

    /// <summary>Before and after.</summary>
    public event Action<T, T>? Changed;

    /// <summary>As it was last known.</summary>
    public event Action<T>? Deleted;

    /// <summary>
    /// It follows again after a <see cref="Problem"/>, or there is less that is <see cref="Unreadable"/>; the store may be as it was.
    /// </summary>
    public event Action? Recovered;

    public Store<T> Store { get; } = new();

    /// <summary>
    /// Objects that exist and that the record has no room for. The store has them as they were when they could be read, or not at all:
    /// whoever takes what it lacks for deleted looks here first, and then into the store, for what becomes readable stands in both for a
    /// moment.
    /// </summary>
    public ImmutableHashSet<ObjectKey> Unreadable => Volatile.Read(ref _unreadable);

    /// <summary>Completed once the first list stands in the store and its events were given.</summary>
    public Task Synced => _synced.Task;

    /// <summary>When the API server was last known to follow us: now while a watch is open. Null before the first list.</summary>
    public DateTimeOffset? LastSuccess
    {
        get
        {
            lock (_gate)
                return _watching ? time.GetUtcNow() : _lastSuccess;
        }
    }

    /// <summary>Why it does not follow at the moment; null while it does.</summary>
    public string? Problem
    {
        get
        {
            lock (_gate)
                return _problem;
        }
    }

    /// <summary>Runs until the token is cancelled; nothing that the server does ends it.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var failures = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            var before = _resourceVersion;
            var began = time.GetTimestamp();
            Exception? error = null;
            _opened = false;
            try
            {
                if (_resourceVersion is null)
                    await ListAsync(cancellationToken).ConfigureAwait(false);
                await WatchAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                error = e;
            }

            // Something new was heard, or the watch was accepted and lasted. That such a one breaks is ordinary: only when it cannot be
            // resumed somebody should know.
            var progress =
                _resourceVersion is not null
                && (_resourceVersion != before || (_opened && time.GetElapsedTime(began) >= _timings.ShortWatch));
            if (error is not null && progress)
                LogBroken(kind.Resource, error.Message);
            else if (error is not null)
                Fail(error);
            failures = progress ? (error is null ? 0 : 1) : failures + 1;
            if (failures > 0)
                await PauseAsync(failures, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task PauseAsync(int failures, CancellationToken cancellationToken) =>
        await Task.Delay(_timings.Backoff.After(failures, random), time, cancellationToken)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task ListAsync(CancellationToken cancellationToken)
    {
        var list = await client.ListAsync(kind, selection, cancellationToken).ConfigureAwait(false);
        Replace(list);
        _resourceVersion = list.ResourceVersion;
        Succeed();
        _synced.TrySetResult();
    }

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        var duration = _timings.Watch * (1 + random.NextDouble());
        try
        {
            await foreach (
                var said in client.WatchAsync(kind, selection, _resourceVersion!, duration, Opened, cancellationToken).ConfigureAwait(false)
            )
            {
                Apply(said);
                if (_resourceVersion is null)
                    return;
            }
        }
        finally
        {
            lock (_gate)
            {
                if (_watching)
                    _lastSuccess = time.GetUtcNow();
                _watching = false;
            }
        }
    }

    private void Opened()
    {
        Succeed();
        _opened = true;
        lock (_gate)
            _watching = true;
    }

    private void Apply(WatchEvent<T> said)
    {
        switch (said)
        {
            case WatchEvent<T>.Added(var it):
                Put(it);
                break;
            case WatchEvent<T>.Modified(var it):
                Put(it);
                break;
            case WatchEvent<T>.Deleted(var it):
                Remove(ObjectKey.Of(it), it);
                _resourceVersion = it.Metadata.ResourceVersion;
                break;
            case WatchEvent<T>.Unreadable(var it, var isDeleted, var resourceVersion):
                if (isDeleted)
                {
                    Remove(it.Key, null);
                }
                else
                {
                    Volatile.Write(ref _unreadable, _unreadable.Add(it.Key));
                    Report(it);
                }

                _resourceVersion = resourceVersion;
                break;
            case WatchEvent<T>.Bookmark(var resourceVersion):
                _resourceVersion = resourceVersion;
                break;
            case WatchEvent<T>.Expired:
                _resourceVersion = null;
                break;
        }
    }

    private void Put(T now)
    {
        _resourceVersion = now.Metadata.ResourceVersion;
        var key = ObjectKey.Of(now);
        var before = Store.Find(key);
        var isSame = before is not null && before.Metadata.ResourceVersion == now.Metadata.ResourceVersion;
        if (!isSame)
            Store.Swap(Store.Objects.SetItem(key, now));
        CanBeRead([key]);
        if (!isSame)
            Tell(before, now);
    }

    private void Remove(ObjectKey key, T? last)
    {
        var known = Store.Find(key);
        Store.Swap(Store.Objects.Remove(key));
        CanBeRead([key]);
        if (known is not null)
            Tell(last ?? known, null);
    }

    /// <summary>The list is what is: what we had and it has not was deleted while we did not look.</summary>
    private void Replace(KubeList<T> list)
    {
        foreach (var unreadable in list.Unreadable)
            Report(unreadable);
        var before = Store.Objects;
        var unknown = list.Unreadable.Select(u => u.Key).ToImmutableHashSet();
        Volatile.Write(ref _unreadable, _unreadable.Union(unknown));
        var now = before.ToBuilder();
        var listed = list.Items.Select(ObjectKey.Of).ToHashSet();
        var gone = before.Where(b => !listed.Contains(b.Key) && !unknown.Contains(b.Key)).ToList();
        now.RemoveRange(gone.Select(g => g.Key));
        foreach (var it in list.Items)
            now[ObjectKey.Of(it)] = it;
        Store.Swap(now.ToImmutable());
        CanBeRead(_unreadable.Except(unknown));
        foreach (var (_, it) in gone)
            Tell(it, null);
        foreach (var it in list.Items)
        {
            var old = before.GetValueOrDefault(ObjectKey.Of(it));
            if (old is null || old.Metadata.ResourceVersion != it.Metadata.ResourceVersion)
                Tell(old, it);
        }
    }

    /// <summary>These can be read now, or are gone; the store has them already, or no more.</summary>
    private void CanBeRead(IEnumerable<ObjectKey> keys)
    {
        var left = _unreadable.Except(keys);
        if (left.Count == _unreadable.Count)
            return;
        Volatile.Write(ref _unreadable, left);
        Handle(() => Recovered?.Invoke());
    }

    private void Tell(T? before, T? now) =>
        Handle(() =>
        {
            switch (before, now)
            {
                case (null, { } it):
                    Added?.Invoke(it);
                    break;
                case ({ } it, null):
                    Deleted?.Invoke(it);
                    break;
                // Another object of the same name: the old one went while we did not look.
                case ({ } old, { } it) when old.Metadata.Uid != it.Metadata.Uid:
                    Deleted?.Invoke(old);
                    Added?.Invoke(it);
                    break;
                case ({ } old, { } it):
                    Changed?.Invoke(old, it);
                    break;
            }
        });

    private void Handle(Action tell)
    {
        try
        {
            tell();
        }
        catch (Exception e)
        {
            LogHandler(e, kind.Resource);
        }
    }

    private void Succeed()
    {
        string? problem;
        lock (_gate)
        {
            (problem, _problem) = (_problem, null);
            _lastSuccess = time.GetUtcNow();
        }

        if (problem is null)
            return;
        LogFollows(kind.Resource);
        Handle(() => Recovered?.Invoke());
    }

    private void Fail(Exception error)
    {
        // A resourceVersion that the server does not take at all leads nowhere either.
        if (error is KubeApiException { IsGone: true } or KubeApiException { IsBadRequest: true })
            _resourceVersion = null;
        var notServed = error is KubeApiException { IsNotServed: true };
        if (notServed)
            _resourceVersion = null;
        var problem = notServed ? $"{kind.Resource} is not served: is its CRD installed?" : error.Message;
        lock (_gate)
        {
            var isNew = _problem is null || _said != DistinctFailure.Of(error);
            (_problem, _said) = (problem, DistinctFailure.Of(error));
            if (!isNew)
                return;
        }

        if (DistinctFailure.IsExpected(error))
            LogFails(kind.Resource, problem);
        else
            LogUnexpected(error, kind.Resource);
    }

    private void Report(UnreadableObject it)
    {
        if (_reported.Count < 1000 && _reported.Add(it))
            LogUnreadable(kind.Resource, it.Key, it.Error);
    }

    [LoggerMessage(EventId = 5110, Level = LogLevel.Debug, Message = "the watch of {Resource} broke and is resumed: {Error}")]
    private partial void LogBroken(KubeResource resource, string error);

    [LoggerMessage(
        EventId = 5111,
        Level = LogLevel.Warning,
        Message = "{Resource} cannot be followed: {Problem} It is tried again and not said again; what was known stays"
    )]
    private partial void LogFails(KubeResource resource, string problem);

    [LoggerMessage(EventId = 5112, Level = LogLevel.Information, Message = "{Resource} is followed again")]
    private partial void LogFollows(KubeResource resource);

    [LoggerMessage(
        EventId = 5113,
        Level = LogLevel.Error,
        Message = "{Resource} cannot be followed; this is a bug in Hostdev, please report it"
    )]
    private partial void LogUnexpected(Exception error, KubeResource resource);

    [LoggerMessage(
        EventId = 5114,
        Level = LogLevel.Warning,
        Message = "{Resource} {Key} cannot be read: {Error} What was known of it stays: correct the object, or use the "
            + "version of Hostdev that wrote it"
    )]
    private partial void LogUnreadable(KubeResource resource, ObjectKey key, string error);

    [LoggerMessage(
        EventId = 5115,
        Level = LogLevel.Error,
        Message = "a handler of {Resource} failed; this is a bug in Hostdev, please report it"
    )]
    private partial void LogHandler(Exception error, KubeResource resource);
}
