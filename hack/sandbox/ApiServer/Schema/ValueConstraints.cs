using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// The keywords of a schema that refuse values and give no structure (apiextensions <c>ValueValidation</c>). Null and empty mean: no such
/// limit.
/// </summary>
public sealed record ValueConstraints
{
    public static ValueConstraints None { get; } = new();

    public string Format { get; init; } = "";

    public double? Minimum { get; init; }

    public double? Maximum { get; init; }

    /// <summary>As OpenAPI 3.0 has it: makes <see cref="Minimum"/> itself a refused value.</summary>
    public bool ExclusiveMinimum { get; init; }

    /// <inheritdoc cref="ExclusiveMinimum"/>
    public bool ExclusiveMaximum { get; init; }

    public double? MultipleOf { get; init; }

    /// <summary>In code points, not bytes.</summary>
    public long? MinLength { get; init; }

    /// <inheritdoc cref="MinLength"/>
    public long? MaxLength { get; init; }

    public Re2Pattern? Pattern { get; init; }

    public long? MinItems { get; init; }

    public long? MaxItems { get; init; }

    public bool UniqueItems { get; init; }

    public long? MinProperties { get; init; }

    public long? MaxProperties { get; init; }

    public ImmutableArray<JsonNode?> Enum
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public ImmutableArray<string> Required
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public ImmutableArray<StructuralSchema> AllOf
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public ImmutableArray<StructuralSchema> AnyOf
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public ImmutableArray<StructuralSchema> OneOf
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    public StructuralSchema? Not { get; init; }
}
