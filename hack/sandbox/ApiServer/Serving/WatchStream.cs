using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Faults;
using Hostdev.Sandbox.ApiServer.Storage;
using Microsoft.AspNetCore.Http;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>
/// Answers a watch: what there is, where that is asked for, then every change without a gap until the time is up or somebody ends it.
/// </summary>
internal sealed class WatchStream(
    ObjectStore store,
    ServedResource resource,
    ObjectSelection selection,
    ObjectText text,
    ApiFault.CutWatch? cut,
    TimeProvider time
)
{
    /// <summary>The real server sends one a minute, and one shortly before its end.</summary>
    private static readonly TimeSpan s_bookmarkPeriod = TimeSpan.FromMinutes(1);

    private int _told;
    private bool _columnsTold;

    public async Task RunAsync(ApiExchange exchange)
    {
        var (context, query, ended) = (exchange.Context, exchange.Query, exchange.Ended);
        var (bookmarks, initial) = (RequestInfo.IsTrue(query["allowWatchBookmarks"]), Initial(query));
        var version = query["resourceVersion"].ToString();
        var asked = version.Length == 0 ? 0 : ObjectLists.Number("resourceVersion", version);
        var current = store.Current(resource.Storage);
        if (asked > current.Revision)
            throw new ApiStatusException(ApiStatus.TooLargeResourceVersion(asked, current.Revision));
        var fromState = initial ?? asked == 0;
        using var watch = store.Watch(resource.Storage, fromState ? current.Revision : asked, selection.Name);
        exchange.Begin(200);
        await context.Response.Body.FlushAsync(ended);
        if (watch is null)
        {
            await TellAsync(
                context,
                "ERROR",
                Utf8(ApiStatus.Expired($"too old resource version: {asked} ({store.CompactedRevision})").ToJson()),
                ended
            );
            return;
        }

        if (fromState)
        {
            foreach (var there in current.Objects.Values.Where(selection.Matches))
                await TellAsync(context, "ADDED", Object(there), ended);
        }

        if (initial == true && bookmarks)
            await TellAsync(context, "BOOKMARK", text.Bookmark(current.Revision, endsInitialEvents: true), ended);
        await FollowAsync(context, watch, bookmarks, query["timeoutSeconds"].ToString(), ended);
    }

    private async Task FollowAsync(HttpContext context, StoreWatch watch, bool bookmarks, string timeout, CancellationToken ended)
    {
        var length =
            long.TryParse(timeout, out var seconds) && seconds > 0
                ? TimeSpan.FromSeconds(seconds)
                : TimeSpan.FromMinutes(30 + Random.Shared.Next(30));
        using var timer = new CancellationTokenSource(length, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, ended);
        await using var reminder = bookmarks
            ? time.CreateTimer(_ => watch.RequestBookmark(), null, s_bookmarkPeriod, s_bookmarkPeriod)
            : null;
        try
        {
            await foreach (var change in watch.Events.ReadAllAsync(either.Token))
            {
                if (change.Type == StoreEventType.Bookmark)
                    await TellAsync(context, "BOOKMARK", text.Bookmark(change.Revision, endsInitialEvents: false), ended);
                else if (Seen(change) is var (type, seen))
                    await TellAsync(context, type, Object(seen, change.Revision), ended);
            }
        }
        catch (OperationCanceledException) when (timer.IsCancellationRequested && !ended.IsCancellationRequested)
        {
            // Its time is up: the answer ends as it should.
        }
    }

    /// <summary>An object that comes into the selection is added for this client, one that leaves it deleted.</summary>
    private (string Type, StoredObject Object)? Seen(StoreEvent change)
    {
        var before = change.Previous is { } previous && selection.Matches(previous);
        var after = change.Type != StoreEventType.Deleted && selection.Matches(change.Object!);
        return (before, after) switch
        {
            (false, true) => ("ADDED", change.Object!),
            (true, true) => ("MODIFIED", change.Object!),
            (true, false) => ("DELETED", change.Type == StoreEventType.Deleted ? change.Object! : change.Previous!),
            _ => null,
        };
    }

    private ReadOnlyMemory<byte> Object(StoredObject stored, long? revision = null)
    {
        // as it was, at the revision at which it left
        if (revision is { } at && at != stored.Revision)
            stored = StoredObject.Create(stored.Parse(), at);
        var result = text.Of(stored, withColumns: !_columnsTold);
        _columnsTold = true;
        return result;
    }

    private async Task TellAsync(HttpContext context, string type, ReadOnlyMemory<byte> json, CancellationToken cancellationToken)
    {
        byte[] line = [.. Encoding.UTF8.GetBytes($"{{\"type\":\"{type}\",\"object\":"), .. json.Span, .. "}\n"u8];
        if (cut is not null && _told++ == cut.AfterEvents)
        {
            if (cut.MidLine)
                await context.Response.Body.WriteAsync(line.AsMemory(0, line.Length / 2), cancellationToken);
            await context.Response.Body.FlushAsync(cancellationToken);
            throw new ConnectionCutException();
        }

        await context.Response.Body.WriteAsync(line, cancellationToken);
        await context.Response.Body.FlushAsync(cancellationToken);
    }

    /// <summary>Null where the client says nothing of initial events.</summary>
    private static bool? Initial(IQueryCollection query)
    {
        if (!query.TryGetValue("sendInitialEvents", out var value))
            return null;
        if (query["resourceVersionMatch"] != "NotOlderThan")
        {
            const string why =
                "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents "
                + "requires setting resourceVersionMatch to NotOlderThan";
            throw new ApiStatusException(new ApiStatus(422, "Invalid", why) { Group = "meta.k8s.io", Kind = "ListOptions" });
        }

        return RequestInfo.IsTrue(value);
    }

    private static byte[] Utf8(JsonObject json) => Encoding.UTF8.GetBytes(json.ToJsonString());
}

/// <summary>The connection is to break here.</summary>
internal sealed class ConnectionCutException : Exception;
