namespace Hostdev.Kube.Client;

/// <summary>The API server answered, and refused.</summary>
public sealed class KubeApiException(string request, KubeStatus status) : Exception(Describe(request, status))
{
    /// <summary>The code is at least 400.</summary>
    public KubeStatus Status { get; } = status;

    /// <summary>The object is not there. False where the whole kind is not served: see <see cref="IsNotServed"/>.</summary>
    public bool IsNotFound => Status is { Code: 404, Reason: "NotFound", Details.Name: { Length: > 0 } };

    /// <summary>
    /// The kind is not there, or not in this version: its CRD is missing or not established yet. The server answers with plain text, or
    /// with a Status that names no object.
    /// </summary>
    public bool IsNotServed => Status.Code == 404 && !IsNotFound;

    /// <summary>The object changed meanwhile, or a field belongs to another field manager.</summary>
    public bool IsConflict => Status.Code == 409 && Status.Reason != "AlreadyExists";

    public bool IsAlreadyExists => Status is { Code: 409, Reason: "AlreadyExists" };

    /// <summary>The resourceVersion or continue token is too old. Reasons <c>Expired</c> and <c>Gone</c>.</summary>
    public bool IsGone => Status.Code == 410 || Status.Reason is "Expired" or "Gone";

    public bool IsUnauthorized => Status.Code == 401;

    public bool IsForbidden => Status.Code == 403;

    /// <summary>The object breaks the kind's schema or rules; <see cref="StatusDetails.Causes"/> say where.</summary>
    public bool IsInvalid => Status.Code == 422;

    /// <summary>Not understood at all, for example an unknown field under strict validation.</summary>
    public bool IsBadRequest => Status.Code == 400;

    public bool IsTooManyRequests => Status.Code == 429;

    /// <summary>The server could not do it now; the same request may succeed later.</summary>
    public bool IsServerError => Status.Code >= 500;

    /// <summary>The namespace of a new object is being deleted.</summary>
    public bool IsNamespaceTerminating => IsForbidden && Status.Details.Causes.Any(c => c.Reason == "NamespaceTerminating");

    private static string Describe(string request, KubeStatus status) =>
        $"{request}: {status.Code}"
        + (status.Reason.Length == 0 ? "" : $" {status.Reason}")
        + (status.Message.Length == 0 ? "" : $": {status.Message}");
}

/// <summary>No answer, or not a whole one: whether a write took effect is not known.</summary>
public sealed class KubeTransportException(string request, string why, Exception? cause = null) : Exception($"{request}: {why}", cause);

/// <summary>What the API server sent is not what its API says. A bug, or something on the way that answers in its place.</summary>
public sealed class KubeProtocolException(string request, string why, Exception? cause = null) : Exception($"{request}: {why}", cause);
