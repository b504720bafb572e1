using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s;
using k8s.Autorest;
using k8s.Models;

namespace Hostdev.Kube.Client;

/// <summary>
/// KubernetesClient's calls for built-in kinds, in its own types, sent as all our requests are: the gate before writes, what is sent
/// again, one deadline, typed errors, warnings. A model that <see cref="KubeModelsJsonContext"/> does not name is a
/// <see cref="NotSupportedException"/>.
/// </summary>
internal sealed class TypedCalls(RequestSender sender) : AbstractKubernetes
{
    /// <summary>None: it would be by the machine's clock, and <see cref="KubeClientOptions.RequestTimeout"/> ends the request.</summary>
    public override TimeSpan HttpClientTimeout
    {
        get => Timeout.InfiniteTimeSpan;
        set => throw new NotSupportedException("set KubeClientOptions.RequestTimeout");
    }

    protected override async Task<HttpResponseMessage> SendRequest<T>(
        string relativeUri,
        HttpMethod method,
        IReadOnlyDictionary<string, IReadOnlyList<string>>? customHeaders,
        T body,
        CancellationToken cancellationToken
    )
    {
        if (customHeaders is { Count: > 0 })
            throw new NotSupportedException("a request with headers of its own");
        var request = RequestOf(method, "/" + relativeUri);
        if (body is not null)
            request = request with { Body = Serialize(body), ContentType = GetHeader(body).MediaType };
        var answer = await sender.CallAsync(request, ReadAsync, cancellationToken).ConfigureAwait(false);
        var sent = new HttpRequestMessage(method, request.Path);
        return new HttpResponseMessage { Content = new ReadOnlyMemoryContent(answer), RequestMessage = sent };
    }

    protected override async Task<HttpOperationResponse<T>> CreateResultAsync<T>(
        HttpRequestMessage httpRequest,
        HttpResponseMessage httpResponse,
        bool? watch,
        CancellationToken cancellationToken
    )
    {
        var request = RequestOf(httpRequest.Method, httpRequest.RequestUri!.OriginalString).ToString();
        var body = await httpResponse.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var it = JsonSerializer.Deserialize(body, (JsonTypeInfo<T>)KubeModels.Json(typeof(T)));
            if (it is null)
                throw new KubeProtocolException(request, "the answer is null");
            return new HttpOperationResponse<T>
            {
                Request = httpRequest,
                Response = httpResponse,
                Body = it,
            };
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new KubeProtocolException(request, $"the answer cannot be read as {typeof(T).Name}: {e.Message}", e);
        }
    }

    /// <summary>Single objects are small: the whole answer is read within the request's deadline.</summary>
    private static async Task<byte[]> ReadAsync(Stream body, CancellationToken cancellationToken)
    {
        using var buffer = new MemoryStream();
        await body.CopyToAsync(buffer, cancellationToken).ConfigureAwait(false);
        return buffer.ToArray();
    }

    private static byte[] Serialize<T>(T body) =>
        body is V1Patch patch
            ? Encoding.UTF8.GetBytes((string)patch.Content)
            : JsonSerializer.SerializeToUtf8Bytes(body, KubeModels.Json(typeof(T)));

    /// <summary>
    /// What RBAC and metrics call a request, from its method and path: <c>/api/v1/...</c> or <c>/apis/GROUP/VERSION/...</c>, then
    /// <c>[namespaces/NS/]RESOURCE[/NAME[/SUBRESOURCE]]</c>.
    /// </summary>
    /// <exception cref="NotSupportedException">A list or a watch.</exception>
    private static KubeRequest RequestOf(HttpMethod method, string path)
    {
        var parts = path.Split('?')[0].Trim('/').Split('/');
        var isCore = parts[0] == "api";
        var rest = parts.AsSpan(isCore ? 2 : 3);
        if (rest is ["namespaces", _, not ("status" or "finalize"), ..])
            rest = rest[2..];
        if (rest.Length < 2 && method != HttpMethod.Post)
            throw new NotSupportedException("lists and watches are read item by item: by KubeClient's own methods");
        var resource = rest[0] + (isCore ? "" : $".{parts[1]}") + (rest.Length > 2 ? $"/{rest[2]}" : "");
        var verb = method.Method switch
        {
            "GET" => "get",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            _ => "delete",
        };
        return new KubeRequest(verb, resource, method, path, "application/json", IsWrite: method != HttpMethod.Get);
    }
}
