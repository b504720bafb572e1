using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Faults;
using Hostdev.Sandbox.ApiServer.Patching;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Storage;
using Microsoft.AspNetCore.Http;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>Answers the requests for objects.</summary>
internal sealed class ResourceRequests(
    ObjectStore store,
    ResourceRegistry registry,
    ObjectWrites writes,
    ObjectDeletes deletes,
    AccessReviews reviews,
    PodLogRequests logs,
    RoleBasedAccess? access,
    TimeProvider time
)
{
    private const string PatchTypes =
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml, application/strategic-merge-patch+json";

    public Task AnswerAsync(ApiExchange exchange, ApiFault? fault)
    {
        var info = exchange.Info;
        var resource = registry.Find(info.Group, info.Version, info.Resource) ?? throw new ApiStatusException(ApiStatus.NoSuchPath);
        if (
            resource.Namespaced
                ? info.Namespace.Length == 0 && info.Verb is "get" or "create" or "update" or "patch" or "delete"
                : info.Namespace.Length > 0 && info.Resource != "namespaces"
        )
            throw new ApiStatusException(ApiStatus.NoSuchPath);
        if (info.Resource == "namespaces" && info.Group.Length == 0)
            info = info with { Namespace = "" };
        if (info.Subresource == "log" && resource.HasLog && info.Verb == "get")
            return logs.AnswerAsync(exchange, resource, info);
        if (
            info.Subresource.Length > 0
            && (info.Subresource != "status" || !resource.HasStatus || info.Verb is not ("get" or "update" or "patch"))
        )
            throw new ApiStatusException(ApiStatus.NoSuchPath);
        if (!resource.Verbs.Contains(info.Verb))
            throw new ApiStatusException(ApiStatus.MethodNotAllowed);
        if (resource.Verbs is ["create"])
            return reviews.AnswerAsync(exchange, resource);
        return info.Verb switch
        {
            "get" => GetAsync(exchange, resource, info),
            "list" => ListAsync(exchange, resource, info),
            "watch" => WatchAsync(exchange, resource, info, fault as ApiFault.CutWatch),
            "delete" => DeleteAsync(exchange, resource, info),
            "deletecollection" => DeleteAllAsync(exchange, resource, info),
            _ => WriteAsync(exchange, resource, info),
        };
    }

    private Task GetAsync(ApiExchange exchange, ServedResource resource, RequestInfo info)
    {
        var stored =
            store.Get(resource.Storage, info.Namespace, info.Name) ?? throw new ApiStatusException(ApiStatus.NotFound(resource, info.Name));
        return exchange.AnswerAsync(200, Text(exchange, resource).Of(stored));
    }

    private async Task ListAsync(ApiExchange exchange, ServedResource resource, RequestInfo info)
    {
        var page = ObjectLists.List(store, resource, exchange.Query, Selection(exchange, resource, info));
        exchange.Begin(200);
        await Text(exchange, resource)
            .WriteListAsync(exchange.Response.Body, page.Objects, page.Revision, page.Next, page.Remaining, exchange.Ended);
    }

    private Task WatchAsync(ApiExchange exchange, ServedResource resource, RequestInfo info, ApiFault.CutWatch? cut)
    {
        var stream = new WatchStream(store, resource, Selection(exchange, resource, info), Text(exchange, resource), cut, time);
        return stream.RunAsync(exchange);
    }

    private async Task WriteAsync(ApiExchange exchange, ServedResource resource, RequestInfo info)
    {
        var body = await RequestBody.BytesAsync(exchange.Request, exchange.Ended);
        var type = RequestBody.MediaType(exchange.Request);
        var request = Request(exchange, resource, info);
        var result = info.Verb switch
        {
            "create" => writes.Create(request, RequestBody.Read(body.Span, type, resource)),
            "update" => writes.Replace(request, RequestBody.Read(body.Span, type, resource)),
            _ => Patch(exchange, request, Encoding.UTF8.GetString(body.Span), type),
        };
        exchange.Name = result.Object.Name;
        if (result.Changed)
            exchange.Revision = result.Object.Revision;
        foreach (var warning in request.Warnings)
            exchange.Response.Headers.Append("Warning", $"299 - \"{warning.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"");
        await exchange.AnswerAsync(result.Made ? 201 : 200, Text(exchange, resource).Of(result.Object));
    }

    private WriteResult Patch(ApiExchange exchange, WriteRequest request, string text, string? type)
    {
        var custom = request.Resource.IsCustom;
        switch (type)
        {
            case "application/apply-patch+yaml":
                if (exchange.Query["fieldManager"].ToString().Length == 0)
                {
                    const string why =
                        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
                    throw new ApiStatusException(new ApiStatus(422, "Invalid", why) { Group = "meta.k8s.io", Kind = "PatchOptions" });
                }

                return writes.Apply(request, RequestBody.Object(text, type), RequestInfo.IsTrue(exchange.Query["force"]));
            case "application/merge-patch+json":
                var merge = RequestBody.Object(text, type);
                return writes.Patch(request, live => MergePatch.Apply(live, merge), text);
            case "application/json-patch+json":
                var operations =
                    RequestBody.Node(text, type) as JsonArray
                    ?? throw new ApiStatusException(ApiStatus.BadRequest("a JSON patch is a list of operations"));
                return writes.Patch(request, live => JsonPatch.Apply(live, operations), text);
            case "application/strategic-merge-patch+json" when !custom:
                var strategic = RequestBody.Object(text, type);
                return writes.Patch(request, live => StrategicMergePatch.Apply(live, strategic), text);
            default:
                throw new ApiStatusException(
                    ApiStatus.UnsupportedMediaType(custom ? PatchTypes[..PatchTypes.LastIndexOf(',')] : PatchTypes)
                );
        }
    }

    private async Task DeleteAsync(ApiExchange exchange, ServedResource resource, RequestInfo info)
    {
        var (stored, gone, changed) = deletes.Delete(Request(exchange, resource, info), await OptionsAsync(exchange));
        if (changed)
            exchange.Revision = stored.Revision;
        if (!gone || resource.ReturnsDeleted)
        {
            await exchange.AnswerAsync(200, Text(exchange, resource).Of(stored));
            return;
        }

        var details = new JsonObject { ["name"] = stored.Name };
        if (resource.Group.Length > 0)
            details["group"] = resource.Group;
        details["kind"] = resource.Plural;
        details["uid"] = stored.Uid;
        await exchange.AnswerAsync(
            200,
            new JsonObject
            {
                ["kind"] = "Status",
                ["apiVersion"] = "v1",
                ["metadata"] = new JsonObject(),
                ["status"] = "Success",
                ["details"] = details,
            }
        );
    }

    private async Task DeleteAllAsync(ApiExchange exchange, ServedResource resource, RequestInfo info)
    {
        var options = await OptionsAsync(exchange);
        var page = ObjectLists.List(store, resource, exchange.Query, Selection(exchange, resource, info));
        var ended = new List<StoredObject>();
        foreach (var stored in page.Objects)
        {
            try
            {
                var (last, _, changed) = deletes.Delete(
                    Request(exchange, resource, info with { Namespace = stored.Namespace, Name = stored.Name }),
                    options
                );
                if (changed)
                    exchange.Revision = last.Revision;
                ended.Add(last);
            }
            catch (ApiStatusException e) when (e.Status.Code == 404)
            {
                // Somebody else deleted it meanwhile: it is gone, as was asked.
            }
        }

        exchange.Begin(200);
        await Text(exchange, resource).WriteListAsync(exchange.Response.Body, ended, store.Revision, "", null, exchange.Ended);
    }

    private static async Task<DeleteOptions> OptionsAsync(ApiExchange exchange)
    {
        var bytes = await RequestBody.BytesAsync(exchange.Request, exchange.Ended);
        var body = bytes.IsEmpty ? [] : RequestBody.Read(bytes.Span, RequestBody.MediaType(exchange.Request), ProtobufKinds.DeleteOptions);
        var query = exchange.Query;
        var grace = query["gracePeriodSeconds"].ToString() is { Length: > 0 } number
            ? ObjectLists.Number("gracePeriodSeconds", number)
            : body["gracePeriodSeconds"]?.GetValue<long>();
        var propagation = query["propagationPolicy"].ToString() is { Length: > 0 } policy ? policy : body.Text("propagationPolicy");
        var demands = body.Object("preconditions");
        return new DeleteOptions(grace, propagation, demands.Text("uid"), demands.Text("resourceVersion"));
    }

    private WriteRequest Request(ApiExchange exchange, ServedResource resource, RequestInfo info)
    {
        var query = exchange.Query;
        var agent = exchange.Request.Headers.UserAgent.ToString();
        exchange.FieldManager = query["fieldManager"].ToString() is { Length: > 0 } manager ? manager : agent.Split('/')[0];
        var validation = query["fieldValidation"].ToString() switch
        {
            "Strict" => FieldValidation.Strict,
            "Ignore" => FieldValidation.Ignore,
            "" or "Warn" => FieldValidation.Warn,
            var other => throw new ApiStatusException(
                new ApiStatus(
                    422,
                    "Invalid",
                    $"fieldValidation: Unsupported value: \"{other}\": supported values: \"Ignore\", \"Strict\", \"Warn\""
                )
            ),
        };
        return new WriteRequest(exchange.User, resource, info, exchange.FieldManager, query["dryRun"] == "All", validation)
        {
            MayCreate = () =>
            {
                var question = new AccessQuestion(
                    exchange.User,
                    "create",
                    info.Group,
                    info.Resource,
                    info.Subresource,
                    info.Namespace,
                    info.Name,
                    info.Path
                );
                if (access?.Allows(question) == false)
                    throw new ApiStatusException(ApiStatus.Forbidden(resource, info.Name, question.Refusal));
            },
        };
    }

    private static ObjectSelection Selection(ApiExchange exchange, ServedResource resource, RequestInfo info)
    {
        var fields = exchange.Query["fieldSelector"].ToString();
        if (info.Name.Length > 0 && fields.Length == 0)
            fields = "metadata.name=" + info.Name;
        return SelectorText.Parse(resource, exchange.Query["labelSelector"], fields, info.Namespace);
    }

    private ObjectText Text(ApiExchange exchange, ServedResource resource)
    {
        var include = exchange.Query["includeObject"].ToString() switch
        {
            "Object" => IncludeObject.Object,
            "None" => IncludeObject.None,
            _ => IncludeObject.Metadata,
        };
        return new ObjectText(resource, Accepted.Form(exchange.Request), include, time.GetUtcNow());
    }
}
