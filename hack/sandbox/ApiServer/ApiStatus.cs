using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Schema;

namespace Hostdev.Sandbox.ApiServer;

/// <summary>
/// A refusal as the real server words it (<c>metav1.Status</c>; the texts are those of apimachinery <c>pkg/api/errors</c>). Clients decide
/// by <see cref="Reason"/> and <see cref="Code"/>; people read <see cref="Message"/>.
/// </summary>
public sealed record ApiStatus(int Code, string Reason, string Message)
{
    public string Group { get; init; } = "";

    /// <summary>The resource for most refusals, the kind for invalid objects.</summary>
    public string Kind { get; init; } = "";

    public string Name { get; init; } = "";

    public ImmutableArray<FieldError> Causes { get; init; } = [];

    public int? RetryAfterSeconds { get; init; }

    /// <summary>With which a list that expired may be continued, without a promise that the pages fit together.</summary>
    public string? Continue { get; init; }

    public static ApiStatus NotFound(ServedResource resource, string name) =>
        Of(resource, name, 404, "NotFound", $"{resource.GroupResource} \"{name}\" not found");

    public static ApiStatus AlreadyExists(ServedResource resource, string name) =>
        Of(resource, name, 409, "AlreadyExists", $"{resource.GroupResource} \"{name}\" already exists");

    public static ApiStatus Conflict(ServedResource resource, string name, string why) =>
        Of(resource, name, 409, "Conflict", $"Operation cannot be fulfilled on {resource.GroupResource} \"{name}\": {why}");

    /// <summary>The object was written by somebody else since it was read.</summary>
    public static ApiStatus Modified(ServedResource resource, string name) =>
        Conflict(resource, name, "the object has been modified; please apply your changes to the latest version and try again");

    public static ApiStatus Forbidden(ServedResource resource, string name, string why) =>
        Of(
            resource,
            name,
            403,
            "Forbidden",
            name.Length == 0 ? $"{resource.GroupResource} is forbidden: {why}" : $"{resource.GroupResource} \"{name}\" is forbidden: {why}"
        );

    public static ApiStatus Invalid(ServedResource resource, string name, ImmutableArray<FieldError> causes)
    {
        var kind = resource.Group.Length == 0 ? resource.Kind : $"{resource.Kind}.{resource.Group}";
        var message = $"{kind} \"{name}\" is invalid: {FieldError.Join(causes)}";
        return new ApiStatus(422, "Invalid", message)
        {
            Group = resource.Group,
            Kind = resource.Kind,
            Name = name,
            Causes = causes,
        };
    }

    public static ApiStatus BadRequest(string message) => new(400, "BadRequest", message);

    /// <summary>The body is not what the path's kind is written in.</summary>
    public static ApiStatus Undecodable(ServedResource resource, string why) =>
        BadRequest($"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: {why}");

    public static ApiStatus Unauthorized { get; } = new(401, "Unauthorized", "Unauthorized");

    public static ApiStatus Expired(string message, string? next = null) => new(410, "Expired", message) { Continue = next };

    /// <summary>
    /// A failure for which the real server has no name of its own, for example an applied object that does not fit its schema.
    /// </summary>
    public static ApiStatus Failure(string message) => new(500, "", message);

    /// <summary>A path behind which nothing is served.</summary>
    public static ApiStatus NoSuchPath { get; } = new(404, "NotFound", "the server could not find the requested resource");

    public static ApiStatus MethodNotAllowed { get; } =
        new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");

    public static ApiStatus UnsupportedMediaType(string accepted) =>
        new(415, "UnsupportedMediaType", $"the body of the request was in an unknown format - accepted media types include: {accepted}");

    /// <summary>A read that asks for a state which the server has not seen yet.</summary>
    public static ApiStatus TooLargeResourceVersion(long asked, long current) =>
        new(504, "Timeout", $"Timeout: Too large resource version: {asked}, current: {current}")
        {
            RetryAfterSeconds = 1,
            Causes = [new FieldError("ResourceVersionTooLarge", "", "Too large resource version")],
        };

    public JsonObject ToJson()
    {
        var details = new JsonObject();
        if (Name.Length > 0)
            details["name"] = Name;
        if (Group.Length > 0)
            details["group"] = Group;
        if (Kind.Length > 0)
            details["kind"] = Kind;
        if (!Causes.IsEmpty)
            details["causes"] = new JsonArray([.. Causes.Select(Cause)]);
        if (RetryAfterSeconds is { } seconds)
            details["retryAfterSeconds"] = seconds;
        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = Continue is null ? [] : new JsonObject { ["continue"] = Continue },
            ["status"] = "Failure",
            ["message"] = Message,
        };
        if (Reason.Length > 0)
            status["reason"] = Reason;
        if (details.Count > 0)
            status["details"] = details;
        status["code"] = Code;
        return status;
    }

    private static ApiStatus Of(ServedResource resource, string name, int code, string reason, string message) =>
        new(code, reason, message)
        {
            Group = resource.Group,
            Kind = resource.Plural,
            Name = name,
        };

    private static JsonNode Cause(FieldError cause)
    {
        var json = new JsonObject();
        if (cause.Reason.Length > 0)
            json["reason"] = cause.Reason;
        json["message"] = cause.Message;
        if (cause.Path.Length > 0)
            json["field"] = cause.Path;
        return json;
    }
}

/// <summary>Ends the work on a request; caught in one place, where the answer is written.</summary>
internal sealed class ApiStatusException(ApiStatus status) : Exception(status.Message)
{
    public ApiStatus Status { get; } = status;
}
