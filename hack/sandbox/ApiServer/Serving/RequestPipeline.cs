using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Faults;
using Microsoft.AspNetCore.Http;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>
/// Every request's way: who asks, what goes wrong on purpose, may he, the work, the answer, the record. The one place where refusals become
/// answers.
/// </summary>
/// <param name="access">Null where everybody who is known may do everything.</param>
internal sealed class RequestPipeline(
    Authentication authentication,
    RoleBasedAccess? access,
    FaultScript faults,
    ResourceRequests resources,
    ServerDocuments documents,
    RequestLog log,
    TimeProvider time
)
{
    /// <param name="away">Ends everything that is under way without another word.</param>
    public async Task RunAsync(HttpContext context, CancellationToken away)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, away);
        var exchange = new ApiExchange(context, RequestInfo.Of(context.Request)) { Ended = ended.Token };
        var recorded = 0;
        exchange.Decided = () =>
        {
            if (Interlocked.Exchange(ref recorded, 1) == 0)
                Record(exchange);
        };
        try
        {
            await AnswerAsync(exchange);
        }
        catch (ApiStatusException e) when (!context.Response.HasStarted)
        {
            await exchange.AnswerAsync(e.Status);
        }
        catch (Exception e) when (e is ConnectionCutException or OperationCanceledException or IOException)
        {
            exchange.Decided();
            context.Abort();
        }
        // a fault of this program: it is said aloud, as the real server does after a panic
        catch (Exception e) when (!context.Response.HasStarted)
        {
            await exchange.AnswerAsync(new ApiStatus(500, "InternalError", $"Internal error occurred: {e}"));
        }
    }

    private async Task AnswerAsync(ApiExchange exchange)
    {
        exchange.User = authentication.Identify(exchange.Context) ?? throw new ApiStatusException(ApiStatus.Unauthorized);
        if (Authentication.Impersonated(exchange.Request) is { } other)
        {
            Demand(
                new AccessQuestion(
                    exchange.User,
                    "impersonate",
                    "",
                    other.Name.StartsWith("system:serviceaccount:", StringComparison.Ordinal) ? "serviceaccounts" : "users",
                    "",
                    "",
                    other.Name,
                    ""
                )
            );
            exchange.User = other;
        }

        var info = exchange.Info;
        var fault = faults.Next(exchange.User.Name, info.Verb, info.Resource, info.Subresource);
        if (fault is ApiFault.CutBefore)
            throw new ConnectionCutException();
        if (fault is ApiFault.Slow(var delay))
            await Task.Delay(delay, time, exchange.Ended);
        Demand(
            new AccessQuestion(exchange.User, info.Verb, info.Group, info.Resource, info.Subresource, info.Namespace, info.Name, info.Path)
        );
        if (fault is ApiFault.Refuse refuse)
            throw new ApiStatusException(Refusal(refuse, info));
        if (fault is ApiFault.CutAnswer(var share))
            await CutAsync(exchange, share);
        else
            await WorkAsync(exchange, fault);
    }

    private Task WorkAsync(ApiExchange exchange, ApiFault? fault) =>
        exchange.Info.IsResource ? resources.AnswerAsync(exchange, fault) : documents.AnswerAsync(exchange);

    /// <summary>Does the work, and lets a part of the answer through.</summary>
    private async Task CutAsync(ApiExchange exchange, double share)
    {
        var body = exchange.Response.Body;
        using var buffer = new MemoryStream();
        exchange.Response.Body = buffer;
        try
        {
            await WorkAsync(exchange, null);
        }
        catch (ApiStatusException e)
        {
            await exchange.AnswerAsync(e.Status);
        }

        exchange.Response.Body = body;
        if (share > 0)
        {
            await body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)(buffer.Length * share)), exchange.Ended);
            await body.FlushAsync(exchange.Ended);
        }

        throw new ConnectionCutException();
    }

    private void Demand(AccessQuestion question)
    {
        if (access is null || access.Allows(question))
            return;
        if (question.Resource.Length == 0)
            throw new ApiStatusException(new ApiStatus(403, "Forbidden", $"forbidden: {question.Refusal}"));
        throw new ApiStatusException(
            ApiStatus.Forbidden(new ServedResource(question.Group, "", "", question.Resource, false), question.Name, question.Refusal)
        );
    }

    private static ApiStatus Refusal(ApiFault.Refuse refuse, RequestInfo info)
    {
        var resource = new ServedResource(info.Group, info.Version, "", info.Resource, false);
        var status = refuse.Code switch
        {
            409 => ApiStatus.Modified(resource, info.Name),
            410 => ApiStatus.Expired("The resourceVersion for the provided list is too old."),
            429 => new ApiStatus(429, "TooManyRequests", "too many requests, please try again later."),
            503 => new ApiStatus(503, "ServiceUnavailable", "apiserver is shutting down"),
            504 => new ApiStatus(504, "Timeout", "Timeout: request did not complete within the allotted timeout"),
            _ => new ApiStatus(refuse.Code, "InternalError", "Internal error occurred: etcdserver: leader changed"),
        };
        return status with { RetryAfterSeconds = refuse.RetryAfterSeconds };
    }

    private void Record(ApiExchange exchange)
    {
        var (info, at) = (exchange.Info, time.GetUtcNow());
        log.Add(number => new RequestRecord(
            number,
            at,
            exchange.User.Name,
            info.Verb,
            info.Group,
            info.Resource,
            info.Subresource,
            info.Namespace,
            exchange.Name,
            info.Path,
            exchange.FieldManager,
            exchange.Code,
            exchange.Revision
        )
        {
            ContentType = RequestBody.MediaType(exchange.Request) ?? "",
            Accept = exchange.Request.Headers.Accept.ToString(),
        });
    }
}
