using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Access;
using Microsoft.AspNetCore.Http;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>One request and its answer, with what was found out about it on the way.</summary>
internal sealed class ApiExchange(HttpContext context, RequestInfo info)
{
    private static readonly JsonSerializerOptions s_text = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public HttpContext Context { get; } = context;

    public HttpRequest Request => Context.Request;

    public HttpResponse Response => Context.Response;

    public IQueryCollection Query => Context.Request.Query;

    public RequestInfo Info { get; } = info;

    public ApiUser User { get; set; } = new("system:anonymous", ["system:unauthenticated"]);

    /// <summary>Of the object in the end, for the record.</summary>
    public string Name { get; set; } = info.Name;

    public string FieldManager { get; set; } = "";

    /// <summary>The revision that it made; null when it made none.</summary>
    public long? Revision { get; set; }

    /// <summary>The answer's status; 0 until one is decided on.</summary>
    public int Code { get; set; }

    public CancellationToken Ended { get; set; } = context.RequestAborted;

    /// <summary>Raised when the answer's status is known; a watch goes on from there.</summary>
    public Action Decided { get; set; } = () => { };

    public void Begin(int code, string contentType = "application/json")
    {
        Code = Response.StatusCode = code;
        Response.ContentType = contentType;
        Decided();
    }

    public async Task AnswerAsync(int code, ReadOnlyMemory<byte> body, string contentType = "application/json")
    {
        Begin(code, contentType);
        Response.ContentLength = body.Length;
        await Response.Body.WriteAsync(body, Ended);
    }

    public Task AnswerAsync(int code, JsonNode body, string contentType = "application/json") =>
        AnswerAsync(code, Encoding.UTF8.GetBytes(body.ToJsonString(s_text)), contentType);

    public Task AnswerAsync(ApiStatus status)
    {
        if (status.RetryAfterSeconds is { } seconds)
            Response.Headers.RetryAfter = seconds.ToString();
        if (status.Code == 401)
            Response.Headers.WWWAuthenticate = "Bearer realm=\"kubernetes\"";
        return AnswerAsync(status.Code, status.ToJson());
    }
}
