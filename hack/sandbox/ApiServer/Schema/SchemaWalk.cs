using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// One value against one schema, keyword by keyword in the order of kube-openapi's <c>SchemaValidator</c>. Beside the errors it counts what
/// held, because <c>anyOf</c> and <c>oneOf</c> report the alternative that came closest.
/// </summary>
internal sealed class SchemaWalk
{
    private readonly List<FieldError> _errors = [];

    public IReadOnlyList<FieldError> Errors => _errors;

    /// <summary>How many checks were made on the way (kube-openapi <c>Result.MatchCount</c>).</summary>
    public int Checks { get; private set; }

    public bool IsValid => _errors.Count == 0;

    /// <param name="path">As messages name it: empty for the root.</param>
    public static SchemaWalk Validate(StructuralSchema schema, JsonNode? value, Previous old, string path)
    {
        var walk = new SchemaWalk();
        walk.Run(schema, value, old, path);
        if (!walk.IsValid && old.IsSame(value))
            walk._errors.Clear();
        return walk;
    }

    private void Run(StructuralSchema schema, JsonNode? value, Previous old, string path)
    {
        var place = new Place(path);
        Type(schema, value, place);
        if (value is null)
        {
            Enum(schema.Constraints, value, place);
            return;
        }

        Junctors(schema.Constraints, value, old, path);
        Take(ScalarChecks.Validate(schema, value, place));
        if (value is JsonArray array)
            Items(schema, array, old, path);
        Enum(schema.Constraints, value, place);
        if (value is JsonObject members)
            Members(schema, members, old, path);
        Checks += 3;
    }

    private void Type(StructuralSchema schema, JsonNode? value, Place place)
    {
        var actual = JsonType.Of(value);
        Checks++;
        if (schema.IntOrString ? actual is JsonType.Integer or JsonType.String : IsOfType(schema, value, actual))
            return;
        _errors.Add(
            FieldError.WrongType(
                place.Field,
                actual,
                $"{place.Name}must be of type {(schema.IntOrString ? "integer,string" : schema.Type)}: {GoText.Quote(actual)}"
            )
        );
    }

    /// <summary>A double without a fraction is an integer too, and an integer is a number.</summary>
    private static bool IsOfType(StructuralSchema schema, JsonNode? value, string actual) =>
        schema.Type.Length == 0
        || schema.Type == actual
        || (value is null && schema.Nullable)
        || (schema.Type == JsonType.Number && actual == JsonType.Integer)
        || (schema.Type == JsonType.Integer && actual == JsonType.Number && double.IsInteger(JsonType.Double(value!)));

    private void Enum(ValueConstraints constraints, JsonNode? value, Place place)
    {
        if (constraints.Enum.IsEmpty || constraints.Enum.Any(allowed => JsonType.Equal(allowed, value)))
            return;
        _errors.Add(
            FieldError.NotSupported(place.Field, value, constraints.Enum.Select(e => JsonType.Text(e) ?? e?.ToJsonString() ?? "null"))
        );
    }

    private void Items(StructuralSchema schema, JsonArray array, Previous old, string path)
    {
        var previous = old.Items(schema);
        for (var i = 0; schema.Items is not null && i < array.Count; i++)
            Take(Validate(schema.Items, array[i], previous(array[i]), $"{path}[{i}]"));
        Take(CollectionChecks.Items(schema.Constraints, array, new Place(path)));
    }

    private void Members(StructuralSchema schema, JsonObject members, Previous old, string path)
    {
        Take(CollectionChecks.Properties(schema.Constraints, members, new Place(path)));
        foreach (var (name, member) in members)
        {
            if (schema.Properties.ContainsKey(name) || schema.AdditionalProperties is not { } additional)
                continue;
            Take(Validate(additional, member, old.Member(name), $"{path}.{name}"));
        }

        foreach (var (name, property) in schema.Properties)
        {
            if (!members.TryGetPropertyValue(name, out var member))
                continue;
            Take(Validate(property, member, old.Member(name), path.Length == 0 ? name : $"{path}.{name}"));
        }

        foreach (var name in schema.Constraints.Required.Where(name => !members.ContainsKey(name)))
            _errors.Add(FieldError.Required(new Place($"{path}.{name}").Field));
    }

    private void Junctors(ValueConstraints constraints, JsonNode value, Previous old, string path)
    {
        if (!constraints.AnyOf.IsEmpty)
            AnyOf([.. constraints.AnyOf.Select(s => Validate(s, value, old, path))], path);
        if (!constraints.OneOf.IsEmpty)
            OneOf([.. constraints.OneOf.Select(s => Validate(s, value, old, path))], path);
        if (!constraints.AllOf.IsEmpty)
            AllOf([.. constraints.AllOf.Select(s => Validate(s, value, old, path))], path);
        if (constraints.Not is { } not && Validate(not, value, Previous.None, path).IsValid)
            Composite($"{GoText.Quote(path)} must not validate the schema (not)");
        Checks++;
    }

    private void AnyOf(List<SchemaWalk> results, string path)
    {
        if (results.Find(r => r.IsValid) is { } valid)
        {
            Take(valid);
            return;
        }

        Composite($"{GoText.Quote(path)} must validate at least one schema (anyOf)");
        Take(Closest(results));
    }

    private void OneOf(List<SchemaWalk> results, string path)
    {
        var valid = results.FindAll(r => r.IsValid);
        if (valid is [var only])
        {
            Take(only);
            return;
        }

        Composite(
            $"{GoText.Quote(path)} must validate one and only one schema (oneOf). "
                + $"{(valid.Count == 0 ? "Found none valid" : $"Found {valid.Count} valid alternatives")}"
        );
        if (valid.Count == 0)
            Take(Closest(results));
    }

    private void AllOf(List<SchemaWalk> results, string path)
    {
        var valid = results.Count(r => r.IsValid);
        foreach (var result in results)
            Take(result);
        if (valid != results.Count)
            Composite($"{GoText.Quote(path)} must validate all the schemas (allOf){(valid == 0 ? ". None validated" : "")}");
    }

    /// <summary>The first of those that made the most checks.</summary>
    private static SchemaWalk Closest(List<SchemaWalk> results) => results.MaxBy(r => r.Checks)!;

    private void Composite(string message) => _errors.Add(FieldError.Invalid(FieldError.NoPath, JsonValue.Create(""), message));

    private void Take(SchemaWalk other)
    {
        _errors.AddRange(other._errors);
        Checks += other.Checks;
    }

    private void Take(IEnumerable<FieldError> errors)
    {
        _errors.AddRange(errors);
        Checks++;
    }
}
