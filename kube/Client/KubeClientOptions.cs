namespace Hostdev.Kube.Client;

public sealed record KubeClientOptions
{
    /// <summary>How long one request may take, its answer included and repetitions counted. Watches have their own time.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often one request is sent again because the server said to come back later (429, 503).</summary>
    public int Retries { get; init; } = 5;

    /// <summary>Objects in one page of a list.</summary>
    public int PageSize { get; init; } = 500;

    /// <summary>Told of every answer, and of every request that got none. Called from any thread; must not block or throw.</summary>
    public Action<RequestObservation>? Observe { get; init; }
}

/// <param name="Verb">As RBAC names it: get, list, watch, create, update, patch, delete.</param>
/// <param name="Resource">Plural with group: <c>leases.coordination.k8s.io</c>; with the subresource where there is one:
/// <c>nodes/status</c>.</param>
/// <param name="Code">The HTTP status; 0 when no answer came.</param>
/// <param name="Duration">From sending to the answer's headers.</param>
public readonly record struct RequestObservation(string Verb, string Resource, int Code, TimeSpan Duration);
