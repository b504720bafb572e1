namespace Hostdev.Sandbox.ApiServer;

/// <summary>One request that the server saw, kept after its answer. Watches stand in it from their beginning.</summary>
/// <param name="Verb">RBAC's word.</param>
/// <param name="Resource">Empty for paths that are no resource.</param>
/// <param name="Name">Of the object; for a creation the name it got.</param>
/// <param name="FieldManager">Who a write was signed by; empty for reads.</param>
/// <param name="Code">The answer's HTTP status; 0 when the connection was cut before an answer.</param>
/// <param name="Revision">The revision that a write made; null when it made none: reads, refusals, dry runs, and writes that changed
/// nothing.</param>
public sealed record RequestRecord(
    long Number,
    DateTimeOffset At,
    string User,
    string Verb,
    string Group,
    string Resource,
    string Subresource,
    string Namespace,
    string Name,
    string Path,
    string FieldManager,
    int Code,
    long? Revision
)
{
    /// <summary>What the client wrote its body in, without parameters; empty for requests without a body.</summary>
    public string ContentType { get; init; } = "";

    /// <summary>What the client takes, as it says it.</summary>
    public string Accept { get; init; } = "";

    public bool IsWrite => Verb is "create" or "update" or "patch" or "delete" or "deletecollection";

    public override string ToString() => $"{Number} {User}: {Verb} {Path} -> {Code}{(Revision is { } r ? $" @{r}" : "")}";
}
