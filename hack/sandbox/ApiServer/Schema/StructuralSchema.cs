using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// A structural schema as apiextensions means it: the structure of an object stands outside <c>allOf</c>, <c>anyOf</c>, <c>oneOf</c> and
/// <c>not</c>, and says of each value its type. Immutable; what it changes is the object it is given.
/// </summary>
public sealed record StructuralSchema
{
    /// <summary>Knows nothing of the object and keeps all of it, as for built-in kinds.</summary>
    public static StructuralSchema Anything { get; } = new() { Type = JsonType.Object, PreserveUnknownFields = true };

    /// <summary>
    /// <c>object</c>, <c>array</c>, <c>string</c>, <c>integer</c>, <c>number</c>, <c>boolean</c>; empty where the keywords leave it open.
    /// </summary>
    public string Type { get; init; } = "";

    public string Description { get; init; } = "";

    public string Title { get; init; } = "";

    public ImmutableSortedDictionary<string, StructuralSchema> Properties
    {
        get => field ?? ImmutableSortedDictionary<string, StructuralSchema>.Empty;
        init;
    }

    /// <summary>What every member of a map is. Null where only <see cref="Properties"/> are known.</summary>
    public StructuralSchema? AdditionalProperties { get; init; }

    public StructuralSchema? Items { get; init; }

    public bool Nullable { get; init; }

    /// <summary>Null for none: a default cannot be null.</summary>
    public JsonNode? Default { get; init; }

    /// <summary><c>atomic</c>, <c>set</c> or <c>map</c>; empty means <c>atomic</c>.</summary>
    public string ListType { get; init; } = "";

    public ImmutableArray<string> ListMapKeys
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary><c>atomic</c> or <c>granular</c>; empty means <c>granular</c>.</summary>
    public string MapType { get; init; } = "";

    public bool PreserveUnknownFields { get; init; }

    public bool EmbeddedResource { get; init; }

    public bool IntOrString { get; init; }

    public ImmutableArray<ValidationRule> Rules
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>Whether <see cref="Rules"/> stand here or anywhere below.</summary>
    public bool HasRules =>
        !Rules.IsEmpty
        || Items is { HasRules: true }
        || AdditionalProperties is { HasRules: true }
        || Properties.Values.Any(p => p.HasRules);

    public ValueConstraints Constraints { get; init; } = ValueConstraints.None;

    /// <summary>The schema of a member; null where it is unknown.</summary>
    public StructuralSchema? Member(string name) => Properties.GetValueOrDefault(name) ?? AdditionalProperties;

    /// <summary>Fills what is absent, and what is null but must not be, with the defaults. Doing it twice is doing it once.</summary>
    public void ApplyDefaults(JsonObject value) => SchemaDefaults.Apply(value, this);

    /// <summary>Removes what the schema does not know. <c>apiVersion</c>, <c>kind</c> and <c>metadata</c> stay as they are.</summary>
    /// <returns>Paths of the removed fields, sorted, as strict validation names them: <c>spec.rules[0].nmae</c>.</returns>
    public ImmutableArray<string> Prune(JsonObject resource) => SchemaPruning.Prune(resource, this);

    /// <summary>All that is wrong with an object, in the order in which the schema is walked; empty when it is valid.</summary>
    /// <param name="old">What stands in its place now; a value that did not change may stay as it is (ratcheting, KEP-4008). Null for a new
    /// object.</param>
    public ImmutableArray<FieldError> Validate(JsonObject resource, JsonObject? old) => SchemaValidation.Validate(resource, old, this);

    /// <summary>What the API server says of a write to <c>/status</c>: only the status is looked at.</summary>
    public ImmutableArray<FieldError> ValidateStatus(JsonObject resource, JsonObject? old) =>
        SchemaValidation.ValidateStatus(resource, old, this);
}
