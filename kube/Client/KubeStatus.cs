using System.Collections.Immutable;

namespace Hostdev.Kube.Client;

/// <summary>Why a request was refused, as <c>metav1.Status</c> has it.</summary>
public sealed record KubeStatus
{
    /// <summary>The HTTP status code.</summary>
    public int Code { get; init; }

    /// <summary>
    /// CamelCase: <c>NotFound</c>, <c>Conflict</c>, <c>Invalid</c>. Empty when the answer was no Status, for example one of a proxy on the
    /// way.
    /// </summary>
    public string Reason
    {
        get => field ?? "";
        init;
    }

    public string Message
    {
        get => field ?? "";
        init;
    }

    public StatusDetails Details
    {
        get => field ?? new StatusDetails();
        init;
    }
}

/// <summary>What the refusal is about (<c>metav1.StatusDetails</c>).</summary>
public sealed record StatusDetails
{
    public string? Name { get; init; }

    public string? Group { get; init; }

    /// <summary>The kind, or the resource: the API server sends either.</summary>
    public string? Kind { get; init; }

    /// <summary>One for each field that is wrong.</summary>
    public ImmutableArray<StatusCause> Causes
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>0 when the server does not say.</summary>
    public int RetryAfterSeconds { get; init; }
}

/// <param name="Reason">For example <c>FieldValueInvalid</c>.</param>
/// <param name="Field">A path: <c>spec.pools[0].vfs</c>.</param>
public sealed record StatusCause(string? Reason, string? Message, string? Field);
