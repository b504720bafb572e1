using System.Collections.Immutable;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Kube.Meta;
using k8s;
using Microsoft.Extensions.Logging;

namespace Hostdev.Kube.Client;

/// <summary>
/// Speaks the Kubernetes API, in JSON. Thread-safe. Every refusal is a <see cref="KubeApiException"/>, every missing answer a
/// <see cref="KubeTransportException"/>, an answer that is none a <see cref="KubeProtocolException"/>, and trouble with our own credentials
/// a <see cref="KubeConfigurationException"/>; only the caller's own cancellation is an <see cref="OperationCanceledException"/>.
/// </summary>
public sealed class KubeClient : IDisposable
{
    private const string Json = "application/json";
    private const string MetadataOnly = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
    private const string MetadataListOnly = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";
    private const int PagedAttempts = 3;

    private static readonly TimeSpan _watchGrace = TimeSpan.FromSeconds(30);

    private readonly KubeTransport? _owned;
    private readonly RequestSender _sender;
    private readonly KubeClientOptions _options;
    private readonly TimeProvider _time;

    /// <param name="userAgent">Who we are in the API server's audit log: <c>hostdev-operator/0.1.0</c>.</param>
    public KubeClient(
        KubeConfiguration configuration,
        string userAgent,
        TimeProvider time,
        ILogger<KubeClient> logger,
        KubeClientOptions? options = null
    )
    {
        (Configuration, _options, _time) = (configuration, options ?? new KubeClientOptions(), time);
        _owned = new KubeTransport(configuration);
        _sender = new RequestSender(_owned, ProductInfoHeaderValue.Parse(userAgent), _options, new WarningLog(logger), null, time, logger);
        Calls = new TypedCalls(_sender);
    }

    private KubeClient(KubeClient other, Func<CancellationToken, ValueTask> beforeWrite)
    {
        (Configuration, _options, _time) = (other.Configuration, other._options, other._time);
        _sender = other._sender.With(beforeWrite);
        Calls = new TypedCalls(_sender);
    }

    public KubeConfiguration Configuration { get; }

    /// <summary>
    /// KubernetesClient's calls for single Leases and Events, with this client's gate, errors, deadline and rules of what is sent again.
    /// Lists and watches are read item by item: by <see cref="ListAsync"/> and <see cref="WatchAsync"/>.
    /// </summary>
    public AbstractKubernetes Calls { get; }

    /// <summary>
    /// The same client, whose every write asks first, at the last moment before it is sent, also before it is sent again. The gate refuses
    /// by throwing. It shares this client's connections: dispose the first one only.
    /// </summary>
    public KubeClient Gated(Func<CancellationToken, ValueTask> beforeWrite) => new(this, beforeWrite);

    public Task<T> GetAsync<T>(KubeKind<T> kind, ObjectKey key, CancellationToken cancellationToken)
        where T : class, IKubeObject =>
        CallAsync(
            kind,
            new KubeRequest("get", Named(kind.Resource, null), HttpMethod.Get, kind.Resource.Path(key.Namespace, key.Name), AcceptOne<T>()),
            cancellationToken
        );

    /// <summary>Null when the object is not there. That the whole kind is not served is an exception.</summary>
    public async Task<T?> FindAsync<T>(KubeKind<T> kind, ObjectKey key, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        try
        {
            return await GetAsync(kind, key, cancellationToken).ConfigureAwait(false);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>
    /// All objects, as of now (no resourceVersion: never older than the last write), in pages. When the pages outlive the server's memory
    /// (410), it begins again; after three times it asks for everything at once, which cannot expire.
    /// </summary>
    public async Task<KubeList<T>> ListAsync<T>(KubeKind<T> kind, Selection selection, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await ListOnceAsync(kind, selection, attempt <= PagedAttempts ? _options.PageSize : 0, cancellationToken)
                    .ConfigureAwait(false);
            }
            catch (KubeApiException e) when (e.IsGone && attempt <= PagedAttempts)
            {
                // The rest of the list would be of another moment than its beginning.
            }
        }
    }

    /// <summary>
    /// All objects page by page, in the order of the API server's lists, and no more than one page at a time: for whoever passes them on
    /// and keeps none. When the pages outlive the server's memory (410), what comes after the last one is of a later moment.
    /// </summary>
    public async IAsyncEnumerable<KubeList<T>> ListPagesAsync<T>(
        KubeKind<T> kind,
        Selection selection,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
        where T : class, IKubeObject
    {
        ObjectKey? last = null;
        var begunAnew = 0;
        for (string? next = ""; next is not null; )
        {
            ListPage<T> page;
            try
            {
                page = await ReadPageAsync(kind, selection, _options.PageSize, next, cancellationToken).ConfigureAwait(false);
            }
            catch (KubeApiException e) when (e.IsGone && next.Length > 0 && begunAnew++ < PagedAttempts)
            {
                next = ""; // those that were passed on already are left out below
                continue;
            }

            var fresh = begunAnew == 0 ? page.Items : [.. page.Items.Where(i => last is not { } key || key < ObjectKey.Of(i))];
            var unreadable = begunAnew == 0 ? page.Unreadable : [.. page.Unreadable.Where(u => last is not { } key || key < u.Key)];
            foreach (var key in fresh.Select(ObjectKey.Of).Concat(unreadable.Select(u => u.Key)))
                last = last is { } before && key < before ? before : key;
            yield return new KubeList<T>(fresh, page.Meta.ResourceVersion ?? "", unreadable);
            next = page.Meta.ContinueProperty is { Length: > 0 } token ? token : null;
        }
    }

    /// <summary> What happens from <paramref name="resourceVersion"/> on, with bookmarks. Ends after <paramref name="duration"/>, when the
    /// server ends it, and after <see cref="WatchEvent{T}.Expired"/>. Leaving the loop ends the request. </summary>
    /// <param name="opened">Called when the server has accepted the watch, which may be long before anything happens.</param>
    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        KubeKind<T> kind,
        Selection selection,
        string resourceVersion,
        TimeSpan duration,
        Action? opened,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
        where T : class, IKubeObject
    {
        var path =
            kind.Resource.Path(selection.Namespace)
            + Query(
                selection,
                ("watch", "true"),
                ("allowWatchBookmarks", "true"),
                ("resourceVersion", resourceVersion),
                ("timeoutSeconds", $"{Math.Max(1, (int)duration.TotalSeconds)}")
            );
        var request = new KubeRequest("watch", Named(kind.Resource, null), HttpMethod.Get, path, AcceptOne<T>());
        // The server ends it in time; if it does not, the connection is dead.
        using var timeout = new CancellationTokenSource(duration + _watchGrace, _time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        WatchEvent<T>.Expired? expired = null;
        using var response = await GuardAsync(async () =>
            {
                try
                {
                    return await _sender.SendAsync(request, ended.Token).ConfigureAwait(false);
                }
                catch (KubeApiException e) when (e.IsGone)
                {
                    expired = new WatchEvent<T>.Expired(e.Status.Message);
                    return null;
                }
            })
            .ConfigureAwait(false);
        if (expired is not null)
            yield return expired;
        if (response is null)
            yield break;
        opened?.Invoke();
        var body = await GuardAsync(() => response.Content.ReadAsStreamAsync(ended.Token)).ConfigureAwait(false);
        await using var closed = body.ConfigureAwait(false);
        var events = new WatchReader<T>(kind, request.ToString()).ReadAsync(body, ended.Token).GetAsyncEnumerator(CancellationToken.None);
        await using var left = events.ConfigureAwait(false);
        while (await GuardAsync(async () => await events.MoveNextAsync().ConfigureAwait(false)).ConfigureAwait(false))
            yield return events.Current;

        async Task<TResult> GuardAsync<TResult>(Func<Task<TResult>> step)
        {
            try
            {
                return await step().ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new KubeTransportException(
                    request.ToString(),
                    "the server did not end the watch in time: the connection is taken for dead"
                );
            }
            catch (Exception e) when (RequestSender.IsTransport(e))
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw _sender.Broken(request, e);
            }
        }
    }

    /// <param name="ns">Null for kinds that stand in no namespace.</param>
    /// <returns>The object as it was stored.</returns>
    public Task<T> CreateAsync<T>(KubeKind<T> kind, string? ns, JsonBody body, WriteOptions options, CancellationToken cancellationToken)
        where T : class, IKubeObject =>
        WriteAsync(kind, "create", HttpMethod.Post, new ObjectKey("", ns), body, Json, options, cancellationToken);

    /// <summary>
    /// Puts the whole object in place of the old one; a <c>metadata.resourceVersion</c> in it makes it a conflict when it changed
    /// meanwhile.
    /// </summary>
    public Task<T> ReplaceAsync<T>(
        KubeKind<T> kind,
        ObjectKey key,
        JsonBody body,
        WriteOptions options,
        CancellationToken cancellationToken
    )
        where T : class, IKubeObject => WriteAsync(kind, "update", HttpMethod.Put, key, body, Json, options, cancellationToken);

    /// <summary>
    /// Server-side apply: these fields shall be so and are ours; what we applied before and is not in the body any more goes. Creates the
    /// object when it is not there.
    /// </summary>
    /// <param name="body">With apiVersion, kind and metadata.name.</param>
    /// <exception cref="ArgumentException">No field manager.</exception>
    public Task<T> ApplyAsync<T>(KubeKind<T> kind, ObjectKey key, JsonBody body, WriteOptions options, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        if (string.IsNullOrEmpty(options.FieldManager))
            throw new ArgumentException("to apply needs a field manager", nameof(options));
        return WriteAsync(kind, "patch", HttpMethod.Patch, key, body, "application/apply-patch+yaml", options, cancellationToken);
    }

    /// <summary>RFC 7386: null removes a field, a list replaces a list.</summary>
    public Task<T> MergePatchAsync<T>(
        KubeKind<T> kind,
        ObjectKey key,
        JsonBody body,
        WriteOptions options,
        CancellationToken cancellationToken
    )
        where T : class, IKubeObject =>
        WriteAsync(kind, "patch", HttpMethod.Patch, key, body, "application/merge-patch+json", options, cancellationToken);

    /// <summary>RFC 6902: a list of operations, of which all or none are done.</summary>
    public Task<T> JsonPatchAsync<T>(
        KubeKind<T> kind,
        ObjectKey key,
        JsonBody body,
        WriteOptions options,
        CancellationToken cancellationToken
    )
        where T : class, IKubeObject =>
        WriteAsync(kind, "patch", HttpMethod.Patch, key, body, "application/json-patch+json", options, cancellationToken);

    /// <summary>Done when the server has accepted it; finalizers may keep the object for a while.</summary>
    public async Task DeleteAsync(KubeResource resource, ObjectKey key, DeleteOptions options, CancellationToken cancellationToken)
    {
        var body = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "DeleteOptions" };
        if (options.PropagationPolicy is { } policy)
            body["propagationPolicy"] = policy.ToString();
        var preconditions = new JsonObject();
        if (options.Uid is not null)
            preconditions["uid"] = options.Uid;
        if (options.ResourceVersion is not null)
            preconditions["resourceVersion"] = options.ResourceVersion;
        if (preconditions.Count > 0)
            body["preconditions"] = preconditions;
        var request = new KubeRequest(
            "delete",
            Named(resource, null),
            HttpMethod.Delete,
            resource.Path(key.Namespace, key.Name),
            Json,
            IsWrite: true,
            JsonBody.From(body).Utf8,
            Json
        );
        await _sender.CallAsync(request, (_, _) => Task.FromResult(true), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What a container has written.</summary>
    /// <param name="previous">Of the life before this one. The server refuses where there was none (<c>IsBadRequest</c>).</param>
    /// <param name="tailLines">The newest so many lines.</param>
    /// <param name="limitBytes">Of them, the first so many bytes.</param>
    /// <param name="read">Reads the text, which is whatever the container wrote.</param>
    public Task<T> ReadLogAsync<T>(
        ObjectKey pod,
        string container,
        bool previous,
        int tailLines,
        int limitBytes,
        Func<Stream, CancellationToken, Task<T>> read,
        CancellationToken cancellationToken
    )
    {
        var query = Query(
            Selection.Everything,
            ("container", container),
            ("previous", previous ? "true" : null),
            ("tailLines", $"{tailLines}"),
            ("limitBytes", $"{limitBytes}")
        );
        var path = new KubeResource("", "v1", "Pod", "pods", Namespaced: true).Path(pod.Namespace, pod.Name, "log") + query;
        return _sender.CallAsync(new KubeRequest("get", "pods/log", HttpMethod.Get, path, "*/*"), read, cancellationToken);
    }

    /// <summary>Which version the server says it is (<c>/version</c>).</summary>
    public Task<JsonObject> VersionAsync(CancellationToken cancellationToken)
    {
        var request = new KubeRequest("get", "version", HttpMethod.Get, "/version", Json);
        return _sender.CallAsync(
            request,
            async (body, token) =>
            {
                try
                {
                    return await JsonNode.ParseAsync(body, cancellationToken: token).ConfigureAwait(false) as JsonObject
                        ?? throw new KubeProtocolException(request.ToString(), "the answer is no object");
                }
                catch (JsonException e)
                {
                    throw new KubeProtocolException(request.ToString(), $"the answer is no version: {e.Message}", e);
                }
            },
            cancellationToken
        );
    }

    public void Dispose() => _owned?.Dispose();

    private async Task<KubeList<T>> ListOnceAsync<T>(KubeKind<T> kind, Selection selection, int limit, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var items = ImmutableArray.CreateBuilder<T>();
        var unreadable = ImmutableArray.CreateBuilder<UnreadableObject>();
        var next = "";
        while (true)
        {
            var page = await ReadPageAsync(kind, selection, limit, next, cancellationToken).ConfigureAwait(false);
            items.AddRange(page.Items);
            unreadable.AddRange(page.Unreadable);
            next = page.Meta.ContinueProperty ?? "";
            if (next.Length > 0)
                continue;
            return new KubeList<T>(items.DrainToImmutable(), page.Meta.ResourceVersion ?? "", unreadable.ToImmutable());
        }
    }

    /// <param name="limit">0 for everything.</param>
    /// <param name="next">What the page before said; empty for the first.</param>
    private Task<ListPage<T>> ReadPageAsync<T>(
        KubeKind<T> kind,
        Selection selection,
        int limit,
        string next,
        CancellationToken cancellationToken
    )
        where T : class, IKubeObject
    {
        var path =
            kind.Resource.Path(selection.Namespace)
            + Query(selection, ("limit", limit == 0 ? null : $"{limit}"), ("continue", next.Length == 0 ? null : next));
        var request = new KubeRequest(
            "list",
            Named(kind.Resource, null),
            HttpMethod.Get,
            path,
            typeof(T) == typeof(PartialObjectMetadata) ? MetadataListOnly : Json
        );
        return _sender.CallAsync(request, new ListPageReader<T>(kind, request.ToString()).ReadAsync, cancellationToken);
    }

    private Task<T> WriteAsync<T>(
        KubeKind<T> kind,
        string verb,
        HttpMethod method,
        ObjectKey key,
        JsonBody body,
        string contentType,
        WriteOptions options,
        CancellationToken cancellationToken
    )
        where T : class, IKubeObject
    {
        var query = Query(
            Selection.Everything,
            ("fieldManager", options.FieldManager),
            ("force", options.Force && verb == "patch" ? "true" : null),
            ("fieldValidation", options.FieldValidation.ToString()),
            ("dryRun", options.DryRun ? "All" : null)
        );
        var path = kind.Resource.Path(key.Namespace, key.Name.Length == 0 ? null : key.Name, options.Subresource) + query;
        return CallAsync(
            kind,
            new KubeRequest(
                verb,
                Named(kind.Resource, options.Subresource),
                method,
                path,
                AcceptOne<T>(),
                IsWrite: true,
                body.Utf8,
                contentType
            ),
            cancellationToken
        );
    }

    private Task<T> CallAsync<T>(KubeKind<T> kind, KubeRequest request, CancellationToken cancellationToken)
        where T : class, IKubeObject =>
        _sender.CallAsync(
            request,
            async (body, token) =>
            {
                try
                {
                    return await JsonSerializer.DeserializeAsync(body, kind.Json, token).ConfigureAwait(false)
                        ?? throw new KubeProtocolException(request.ToString(), "the answer is null");
                }
                catch (Exception e) when (e is JsonException or FormatException)
                {
                    throw new KubeProtocolException(request.ToString(), $"the answer cannot be read as {kind.Resource}: {e.Message}", e);
                }
            },
            cancellationToken
        );

    private static string AcceptOne<T>() => typeof(T) == typeof(PartialObjectMetadata) ? MetadataOnly : Json;

    private static string Named(KubeResource resource, string? subresource) =>
        subresource is null ? resource.FullName : $"{resource.FullName}/{subresource}";

    private static string Query(Selection selection, params ReadOnlySpan<(string Name, string? Value)> others)
    {
        var parts = new List<string>();
        foreach (var (name, value) in others)
            Add(name, value);
        Add("labelSelector", selection.Labels);
        Add("fieldSelector", selection.Fields);
        return parts.Count == 0 ? "" : "?" + string.Join('&', parts);

        void Add(string name, string? value)
        {
            if (value is not null)
                parts.Add($"{name}={Uri.EscapeDataString(value)}");
        }
    }
}
