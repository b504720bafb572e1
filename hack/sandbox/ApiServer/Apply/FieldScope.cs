namespace Hostdev.Sandbox.ApiServer.Apply;

/// <summary>Which fields requests of a kind can change, and therefore own (the strategies' <c>GetResetFields</c>).</summary>
internal sealed class FieldScope
{
    private const string Status = "f:status";
    private readonly Func<FieldSet, FieldSet> _of;

    private FieldScope(Func<FieldSet, FieldSet> of) => _of = of;

    public static FieldScope Everything { get; } = new(f => f);

    public static FieldScope AllButStatus { get; } = new(f => f.ExceptWhole(FieldSet.Of([Status], [])));

    public static FieldScope AllButSpec { get; } = new(f => f.ExceptWhole(FieldSet.Of(["f:spec"], [])));

    public static FieldScope StatusAlone { get; } =
        new(f => FieldSet.Of(f.Members.Where(m => m == Status), f.Children.Where(c => c.Key == Status)));

    /// <summary>That of a resource's main path, or of its <c>/status</c>.</summary>
    public static FieldScope For(ServedResource resource, string subresource) =>
        (resource.HasStatus, subresource, resource.IsCustom) switch
        {
            (false, _, _) => Everything,
            (true, "status", true) => StatusAlone,
            (true, "status", false) => AllButSpec,
            _ => AllButStatus,
        };

    public FieldSet Of(FieldSet fields) => _of(fields);
}
