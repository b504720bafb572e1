using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Hostdev.Crds.Parsing;

/// <summary>Finds the fields of a JSON tree that a record has no property for: all of them, with their paths.</summary>
internal static class UnknownFields
{
    public static ImmutableArray<string> Find(JsonElement node, JsonTypeInfo type, string path) => [.. Walk(node, type, path)];

    private static IEnumerable<string> Walk(JsonElement node, JsonTypeInfo type, string path)
    {
        if (type.Kind == JsonTypeInfoKind.Enumerable && node.ValueKind == JsonValueKind.Array && type.ElementType is { } element)
        {
            return node.EnumerateArray().SelectMany((item, i) => Walk(item, type.Options.GetTypeInfo(element), $"{path}[{i}]"));
        }

        return type.Kind == JsonTypeInfoKind.Object && node.ValueKind == JsonValueKind.Object
            ? node.EnumerateObject().SelectMany(field => Field(field.Name, field.Value, type, path))
            : [];
    }

    private static IEnumerable<string> Field(string name, JsonElement value, JsonTypeInfo type, string path)
    {
        var property = type.Properties.FirstOrDefault(p => p.Name == name);
        if (property is null)
            return [$"{path}.{name}"];
        var propertyType = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        return Walk(value, type.Options.GetTypeInfo(propertyType), $"{path}.{name}");
    }
}
