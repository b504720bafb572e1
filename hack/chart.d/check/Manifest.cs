namespace Hostdev.Charts;

/// <param name="Namespace">Empty where the kind has none.</param>
/// <param name="Labels">Its own, and those of its Pods.</param>
/// <param name="Object">One of the client's types, or one of the Prometheus operator's.</param>
internal sealed record Manifest(
    string Kind,
    string Namespace,
    string Name,
    IReadOnlyList<KeyValuePair<string, string>> Labels,
    object Object
)
{
    public override string ToString() => $"{Kind} {Name}";
}
