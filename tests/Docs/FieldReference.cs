using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;

namespace Hostdev.Tests.Docs;

/// <summary>
/// Every field of a kind, as the API server has it: from the CRD in <c>crds</c>, a section for each object with its own fields and what is
/// said of values that are refused.
/// </summary>
internal static class FieldReference
{
    private static readonly (string Keyword, string Words)[] s_bounds =
    [
        ("minimum", "at least {0}"),
        ("maximum", "at most {0}"),
        ("minLength", "at least {0} characters"),
        ("maxLength", "at most {0} characters"),
        ("minItems", "at least {0} items"),
        ("maxItems", "at most {0} items"),
        ("minProperties", "at least {0} keys"),
        ("maxProperties", "at most {0} keys"),
    ];

    /// <param name="what">The file's name without its folder, and the part of the object: <c>hostdevices.yaml spec</c>; or
    /// <c>hostdevices.yaml columns</c>.</param>
    public static string Make(string what)
    {
        var (file, part) = (what.Split(' ')[0], what.Split(' ')[1]);
        var crd = YamlJson.Parse(File.ReadAllText(Repository.Path("crds", file)), out var error);
        var version = (crd ?? throw new InvalidOperationException($"{file}: {error}"))["spec"]!["versions"]!.AsArray().Single()!.AsObject();
        if (part == "columns")
            return Columns(version);
        var lines = new List<string>();
        Describe(part, version["schema"]!["openAPIV3Schema"]!["properties"]![part]!.AsObject(), lines);
        return string.Concat(lines.Select(l => l + "\n"));
    }

    private static string Columns(JsonObject version)
    {
        var rows = version["additionalPrinterColumns"]!
            .AsArray()
            .Select(c => $"| {c!["name"]} | {Cell(Said(c!))} | {(c["priority"] is not null ? "with `-o wide`" : "")} |");
        return string.Concat(((string[])["| column | what it says | |", "|---|---|---|", .. rows]).Select(l => l + "\n"));
    }

    /// <summary>A section for the object, and after it one for each object below.</summary>
    private static void Describe(string path, JsonObject schema, List<string> lines)
    {
        var properties = schema["properties"]!.AsObject();
        var required = schema["required"]?.AsArray().Select(r => (string)r!).ToHashSet() ?? [];
        lines.AddRange(["", $"### `{path}`"]);
        if (Prose(schema, "description") is { Length: > 0 } description)
            lines.AddRange(["", description]);
        if (Rules(schema) is { Count: > 0 } rules)
            lines.AddRange(["", "Refused with:", "", .. rules.Select(r => $"- {r}")]);
        lines.AddRange(["", "| field | type | default | allowed | what it says |", "|---|---|---|---|---|"]);
        foreach (var (name, value) in properties)
            lines.Add(Row(path, name, value!.AsObject(), required.Contains(name)));
        if (lines[^1].StartsWith("|---", StringComparison.Ordinal))
            throw new InvalidOperationException($"{path} has properties but no field");
        foreach (var (name, value) in properties)
            if (Inner($"{path}.{name}", value!.AsObject()) is var (inner, at))
                Describe(at, inner, lines);
        if (lines[0].Length == 0)
            lines.RemoveAt(0);
    }

    private static string Row(string path, string name, JsonObject schema, bool isRequired)
    {
        var field = Inner($"{path}.{name}", schema) is var (_, at) ? $"[`{name}`](#{MarkdownPage.Slug(at)})" : $"`{name}`";
        var said = new List<string> { Prose(schema, "description") };
        if (!schema.ContainsKey("properties"))
            foreach (var values in (JsonObject?[])[schema, Items(schema)])
                if (values is not null && !values.ContainsKey("properties"))
                    said.AddRange(Rules(values).Select(r => $"Refused with: {r}."));
        var standard = schema["default"] is { } value ? $"`{value.ToJsonString().Trim('"')}`" : "";
        return $"| {field}{(isRequired ? " (required)" : "")} | {TypeOf(schema)} | {standard} | {Cell(Allowed(schema))} | "
            + $"{Cell(string.Join(' ', said.Where(s => s.Length > 0)))} |";
    }

    /// <summary>The object that a field holds, one or many of, and its path; null where it holds none whose fields are known.</summary>
    private static (JsonObject Schema, string Path)? Inner(string path, JsonObject schema)
    {
        if (schema.ContainsKey("properties"))
            return (schema, path);
        if (schema["items"] is JsonObject items)
            return Inner(path + "[]", items);
        return schema["additionalProperties"] is JsonObject values ? Inner(path + ".*", values) : null;
    }

    private static JsonObject? Items(JsonObject schema) => schema["items"] as JsonObject ?? schema["additionalProperties"] as JsonObject;

    private static string TypeOf(JsonObject schema)
    {
        if ((bool?)schema["x-kubernetes-int-or-string"] == true)
            return "integer or string";
        if (schema["items"] is JsonObject items)
            return $"list of {TypeOf(items)}";
        if (schema["additionalProperties"] is JsonObject values)
            return $"map of {TypeOf(values)}";
        var format = Text(schema, "format");
        return Text(schema, "type") + (format.Length > 0 ? $" ({format})" : "");
    }

    private static string Allowed(JsonObject schema)
    {
        var words = new List<string>();
        if (schema["enum"] is JsonArray values)
            words.Add(string.Join(", ", values.Select(v => $"`{v}`")));
        words.AddRange(
            s_bounds.Where(b => schema.ContainsKey(b.Keyword)).Select(b => b.Words.Replace("{0}", schema[b.Keyword]!.ToJsonString()))
        );
        if (Text(schema, "pattern") is { Length: > 0 } pattern)
            words.Add($"`{pattern}`");
        if (Text(schema, "x-kubernetes-list-type") is "map")
            words.Add($"one of each {string.Join(" and ", schema["x-kubernetes-list-map-keys"]!.AsArray().Select(k => $"`{k}`"))}");
        if (Items(schema) is { } items && !items.ContainsKey("properties") && Allowed(items) is { Length: > 0 } each)
            words.Add($"each {each}");
        return string.Join("; ", words);
    }

    private static List<string> Rules(JsonObject schema) =>
        [.. schema["x-kubernetes-validations"]?.AsArray().Select(r => Prose(r!, "message")).Distinct() ?? []];

    /// <summary>What a column shows, or where that stands.</summary>
    private static string Said(JsonNode column) => column["description"] is null ? $"`{column["jsonPath"]}`" : Prose(column, "description");

    /// <summary>Text whose characters mean themselves.</summary>
    private static string Prose(JsonNode node, string name) =>
        Text(node, name).Replace("<", "\\<", StringComparison.Ordinal).Replace("*", "\\*", StringComparison.Ordinal);

    private static string Text(JsonNode node, string name) =>
        ((string?)node[name] ?? "").Trim().Replace("\n", " ", StringComparison.Ordinal);

    /// <summary>Within a table's cell.</summary>
    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
