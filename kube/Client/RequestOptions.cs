namespace Hostdev.Kube.Client;

/// <summary>Which objects of a kind.</summary>
public sealed record Selection
{
    public static Selection Everything { get; } = new();

    /// <summary>Null for all namespaces, and for kinds that stand in none.</summary>
    public string? Namespace { get; init; }

    /// <summary>In the form of queries: <c>app=hostdev,!legacy</c>.</summary>
    public string? Labels { get; init; }

    /// <summary>For example <c>metadata.name=node-7</c>.</summary>
    public string? Fields { get; init; }
}

/// <summary>What the API server does with fields that the schema does not know.</summary>
public enum FieldValidation
{
    /// <summary>Refuses the write and names them.</summary>
    Strict,

    /// <summary>Drops them, and says so in a warning header.</summary>
    Warn,

    /// <summary>Drops them.</summary>
    Ignore,
}

public sealed record WriteOptions
{
    /// <summary>Who owns the fields that are written. Required to apply.</summary>
    public string? FieldManager { get; init; }

    /// <summary>To apply: take fields from other managers in place of a conflict.</summary>
    public bool Force { get; init; }

    public FieldValidation FieldValidation { get; init; } = FieldValidation.Strict;

    /// <summary>For example <c>status</c>.</summary>
    public string? Subresource { get; init; }

    /// <summary>The server does everything but store it.</summary>
    public bool DryRun { get; init; }
}

/// <summary>What happens to what an object owns.</summary>
public enum PropagationPolicy
{
    Background,
    Foreground,
    Orphan,
}

public sealed record DeleteOptions
{
    /// <summary>Only if it is still this very object; otherwise the server answers with a conflict.</summary>
    public string? Uid { get; init; }

    /// <summary>Only if it has not changed since.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Null for the kind's own default.</summary>
    public PropagationPolicy? PropagationPolicy { get; init; }
}
