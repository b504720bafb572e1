using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// Writes schemas as OpenAPI v3 documents have them, and takes away what v2 cannot say (apiextensions <c>pkg/controller/openapi</c>).
/// </summary>
internal static class OpenApiSchema
{
    /// <summary>A kind, with the metadata that it does not describe itself.</summary>
    public static JsonObject Kind(ResourceDescription resource, Func<string, JsonObject> reference, bool v2)
    {
        JsonObject schema;
        if (v2 && resource.Schema.PreserveUnknownFields)
        {
            // kubectl takes a v2 schema with properties for all there is.
            schema = new JsonObject { ["type"] = JsonType.Object };
        }
        else
        {
            schema = v2 ? ToV2(Write(resource.Schema)) : Write(resource.Schema);
            var properties = schema["properties"] as JsonObject ?? [];
            properties["apiVersion"] = new JsonObject { ["description"] = OpenApiMeta.ApiVersion, ["type"] = JsonType.String };
            properties["kind"] = new JsonObject { ["description"] = OpenApiMeta.Kind, ["type"] = JsonType.String };
            properties["metadata"] = Described(
                reference(OpenApiNames.ObjectMeta),
                "Standard object's metadata. More info: "
                    + "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
                v2
            );
            schema["properties"] = properties;
        }

        schema["x-kubernetes-group-version-kind"] = OpenApiNames.GroupVersionKind(resource.Resource);
        return schema;
    }

    public static JsonObject List(ResourceDescription resource, Func<string, JsonObject> reference, bool v2) =>
        new()
        {
            ["description"] = $"{resource.ListKind} is a list of {resource.Resource.Kind}",
            ["type"] = JsonType.Object,
            ["required"] = new JsonArray("items"),
            ["properties"] = new JsonObject
            {
                ["apiVersion"] = new JsonObject { ["description"] = OpenApiMeta.ApiVersion, ["type"] = JsonType.String },
                ["items"] = new JsonObject
                {
                    ["description"] = $"List of {resource.Resource.Plural}.",
                    ["type"] = JsonType.Array,
                    ["items"] = reference(OpenApiNames.Of(resource.Resource)),
                },
                ["kind"] = new JsonObject { ["description"] = OpenApiMeta.Kind, ["type"] = JsonType.String },
                ["metadata"] = Described(reference(OpenApiNames.ListMeta), "Standard list metadata.", v2),
            },
            ["x-kubernetes-group-version-kind"] = OpenApiNames.GroupVersionKind(resource.Resource, resource.ListKind),
        };

    /// <summary>A v3 reference has no siblings, so that it stands in an <c>allOf</c> beside its description.</summary>
    private static JsonObject Described(JsonObject reference, string description, bool v2)
    {
        if (!v2)
            return new JsonObject { ["allOf"] = new JsonArray(reference), ["description"] = description };
        reference["description"] = description;
        return reference;
    }

    public static JsonObject Write(StructuralSchema schema)
    {
        var json = new JsonObject();
        Add(json, "description", schema.Description);
        Add(json, "title", schema.Title);
        Add(json, "type", schema.Type);
        if (!schema.Properties.IsEmpty)
            json["properties"] = new JsonObject(schema.Properties.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)Write(p.Value))));
        if (schema.AdditionalProperties is { } additional)
            json["additionalProperties"] = Write(additional);
        if (schema.Items is { } items)
            json["items"] = Write(items);
        if (schema.Default is { } value)
            json["default"] = value.DeepClone();
        Add(json, "nullable", schema.Nullable);
        Limits(json, schema.Constraints);
        Extensions(json, schema);
        return json;
    }

    private static void Limits(JsonObject json, ValueConstraints limits)
    {
        Add(json, "format", limits.Format);
        Add(json, "pattern", limits.Pattern?.Text ?? "");
        Add(json, "exclusiveMinimum", limits.ExclusiveMinimum);
        Add(json, "exclusiveMaximum", limits.ExclusiveMaximum);
        Add(json, "uniqueItems", limits.UniqueItems);
        foreach (
            var (name, number) in new (string, double?)[]
            {
                ("minimum", limits.Minimum),
                ("maximum", limits.Maximum),
                ("multipleOf", limits.MultipleOf),
                ("minLength", limits.MinLength),
                ("maxLength", limits.MaxLength),
                ("minItems", limits.MinItems),
                ("maxItems", limits.MaxItems),
                ("minProperties", limits.MinProperties),
                ("maxProperties", limits.MaxProperties),
            }
        )
        {
            if (number is { } limit)
                json[name] = double.IsInteger(limit) && Math.Abs(limit) < 1e15 ? JsonValue.Create((long)limit) : JsonValue.Create(limit);
        }

        if (!limits.Enum.IsEmpty)
            json["enum"] = new JsonArray([.. limits.Enum.Select(e => e?.DeepClone())]);
        if (!limits.Required.IsEmpty)
            json["required"] = new JsonArray([.. limits.Required.Select(r => (JsonNode)r)]);
        Junctor(json, "allOf", limits.AllOf);
        Junctor(json, "anyOf", limits.AnyOf);
        Junctor(json, "oneOf", limits.OneOf);
        if (limits.Not is { } not)
            json["not"] = Write(not);
    }

    private static void Extensions(JsonObject json, StructuralSchema schema)
    {
        Add(json, "x-kubernetes-preserve-unknown-fields", schema.PreserveUnknownFields);
        Add(json, "x-kubernetes-embedded-resource", schema.EmbeddedResource);
        Add(json, "x-kubernetes-list-type", schema.ListType);
        Add(json, "x-kubernetes-map-type", schema.MapType);
        if (!schema.ListMapKeys.IsEmpty)
            json["x-kubernetes-list-map-keys"] = new JsonArray([.. schema.ListMapKeys.Select(k => (JsonNode)k)]);
        if (!schema.Rules.IsEmpty)
            json["x-kubernetes-validations"] = new JsonArray([.. schema.Rules.Select(Rule)]);
        if (!schema.IntOrString)
            return;
        json["x-kubernetes-int-or-string"] = true;
        if (!json.ContainsKey("anyOf"))
            json["anyOf"] = new JsonArray(new JsonObject { ["type"] = JsonType.Integer }, new JsonObject { ["type"] = JsonType.String });
    }

    private static JsonNode Rule(ValidationRule rule)
    {
        var json = new JsonObject { ["rule"] = rule.Rule };
        Add(json, "message", rule.Message);
        Add(json, "messageExpression", rule.MessageExpression);
        Add(json, "reason", rule.Reason);
        Add(json, "fieldPath", rule.FieldPath);
        Add(json, "optionalOldSelf", rule.OptionalOldSelf);
        return json;
    }

    /// <summary>
    /// kubectl cannot read these in v2 (apiextensions <c>ToStructuralOpenAPIV2</c>): what is nullable or kept unknown has no type and no
    /// inside.
    /// </summary>
    private static JsonObject ToV2(JsonObject schema)
    {
        foreach (var junctor in (string[])["allOf", "anyOf", "oneOf", "not"])
            schema.Remove(junctor);
        if (schema.Remove("nullable") || JsonType.IsTrue(schema["x-kubernetes-preserve-unknown-fields"]))
        {
            foreach (var inside in (string[])["type", "items", "properties"])
                schema.Remove(inside);
        }

        if (schema["items"] is JsonObject items)
            ToV2(items);
        if (schema["additionalProperties"] is JsonObject additional)
            ToV2(additional);
        if (schema["properties"] is not JsonObject properties)
            return schema;
        var nullable = properties.Where(p => JsonType.IsTrue(p.Value!["nullable"])).Select(p => p.Key).ToHashSet();
        foreach (var (_, property) in properties)
            ToV2(property!.AsObject());
        if (schema["required"] is JsonArray required && nullable.Count > 0)
            schema["required"] = new JsonArray([.. required.Where(r => !nullable.Contains(r!.ToString())).Select(r => r!.DeepClone())]);
        return schema;
    }

    private static void Junctor(JsonObject json, string name, ImmutableArray<StructuralSchema> schemas)
    {
        if (!schemas.IsEmpty)
            json[name] = new JsonArray([.. schemas.Select(s => (JsonNode)Write(s))]);
    }

    private static void Add(JsonObject json, string name, string text)
    {
        if (text.Length > 0)
            json[name] = text;
    }

    private static void Add(JsonObject json, string name, bool flag)
    {
        if (flag)
            json[name] = true;
    }
}
