using System.Text.Json.Nodes;
using static Hostdev.Sandbox.ApiServer.Schema.CustomResourceReader;
using static Hostdev.Sandbox.ApiServer.Schema.SchemaReader;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>That what <c>x-kubernetes-list-type</c> says of a list can be held.</summary>
internal static class ListTypeCheck
{
    private const string ListTypeKeyword = "x-kubernetes-list-type";
    private const string MapKeysKeyword = "x-kubernetes-list-map-keys";

    public static IEnumerable<FieldError> Validate(JsonObject schema, string path)
    {
        var (listType, type) = (Text(schema, ListTypeKeyword), Text(schema, "type"));
        const string needsArray = "must be array if x-kubernetes-list-type is specified";
        if (listType.Length > 0 && type.Length == 0)
            yield return FieldError.Required($"{path}.type", needsArray);
        else if (listType.Length > 0 && type != JsonType.Array)
            yield return FieldError.Invalid($"{path}.type", type, needsArray);
        if (listType is not ("" or "atomic" or "set" or "map"))
            yield return FieldError.NotSupported($"{path}.{ListTypeKeyword}", listType, ["atomic", "set", "map"]);
        if (schema[MapKeysKeyword] is JsonArray { Count: > 0 } && listType != "map")
        {
            const string needsMap = "must be map if x-kubernetes-list-map-keys is non-empty";
            yield return listType.Length == 0
                ? FieldError.Required($"{path}.{ListTypeKeyword}", needsMap)
                : FieldError.Invalid($"{path}.{ListTypeKeyword}", listType, needsMap);
        }

        var items = Part(schema, "items");
        foreach (var error in listType is "set" or "map" ? Items(items, listType, $"{path}.items") : [])
            yield return error;
        foreach (var error in listType == "map" ? Keys(schema, items, path) : [])
            yield return error;
    }

    private static IEnumerable<FieldError> Items(JsonObject items, string listType, string path)
    {
        if (Flag(items, "nullable"))
            yield return FieldError.Forbidden($"{path}.nullable", $"cannot be nullable when x-kubernetes-list-type is {listType}");
        if (listType != "set")
            yield break;
        const string needsAtomic = "must be atomic as item of a list with x-kubernetes-list-type=set";
        if (Text(items, "type") == JsonType.Array && Text(items, ListTypeKeyword) is not ("" or "atomic"))
            yield return FieldError.Invalid($"{path}.{ListTypeKeyword}", Text(items, ListTypeKeyword), needsAtomic);
        if (Text(items, "type") == JsonType.Object && Text(items, "x-kubernetes-map-type") != "atomic")
            yield return FieldError.Invalid($"{path}.x-kubernetes-map-type", items["x-kubernetes-map-type"], needsAtomic);
    }

    private static IEnumerable<FieldError> Keys(JsonObject schema, JsonObject items, string path)
    {
        var keys = Texts(schema, MapKeysKeyword);
        if (keys.IsEmpty)
            yield return FieldError.Required($"{path}.{MapKeysKeyword}", "must not be empty if x-kubernetes-list-type is map");
        if (Text(items, "type") != JsonType.Object)
        {
            yield return FieldError.Invalid(
                $"{path}.items.type",
                Text(items, "type"),
                "must be object if parent array's x-kubernetes-list-type is map"
            );
            yield break;
        }

        if (keys.Distinct().Count() != keys.Length)
            yield return FieldError.Invalid($"{path}.{MapKeysKeyword}", schema[MapKeysKeyword], "must not contain duplicate entries");
        foreach (var key in keys)
        {
            var at = $"{path}.items.properties[{key}]";
            if (Part(items, "properties")[key] is not JsonObject property)
            {
                yield return FieldError.Invalid(
                    $"{path}.{MapKeysKeyword}",
                    schema[MapKeysKeyword],
                    "entries must all be names of item properties"
                );
                continue;
            }

            if (Text(property, "type") is JsonType.Array or JsonType.Object)
                yield return FieldError.Invalid(
                    $"{at}.type",
                    Text(items, "type"),
                    "must be a scalar type if parent array's x-kubernetes-list-type is map"
                );
            if (!Texts(items, "required").Contains(key) && property["default"] is null)
                yield return FieldError.Required(
                    $"{at}.default",
                    "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
                );
            if (Flag(property, "nullable"))
                yield return FieldError.Forbidden(
                    $"{at}.nullable",
                    "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
                );
        }
    }
}
