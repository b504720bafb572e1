using System.Globalization;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>A column of a table and how its cells are found.</summary>
internal sealed record TableColumn(PrinterColumn Header, Func<JsonObject, DateTimeOffset, JsonNode?> Cell)
{
    public static TableColumn Name { get; } =
        new(
            new PrinterColumn("Name", "string", "", "Name must be unique within a namespace. Is required when creating resources.", "name"),
            (item, _) => item["metadata"]?["name"]?.DeepClone()
        );

    /// <summary>A column that a CRD asks for (apiextensions <c>tableconvertor.go</c>): the first value that its path leads to.</summary>
    public static TableColumn FromCrd(PrinterColumn column)
    {
        var description =
            column.Description.Length > 0
                ? column.Description
                : $"Custom resource definition column (in JSONPath format): {column.JsonPath}";
        var path = JsonPath.TryParse(column.JsonPath, out var parsed) ? parsed : null;
        return new TableColumn(
            column with
            {
                Description = description,
            },
            (item, now) => path?.Find(item).Take(1).Select(value => CellOf(column.Type, value, now)).FirstOrDefault()
        );
    }

    /// <summary>How long ago the text says; <c>&lt;unknown&gt;</c> without one.</summary>
    public static string Age(string? text, DateTimeOffset now)
    {
        if (text is null)
            return "<unknown>";
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var then)
            ? HumanAge.Of(then, now)
            : "<invalid>";
    }

    public JsonNode Definition() =>
        new JsonObject
        {
            ["name"] = Header.Name,
            ["type"] = Header.Type,
            ["format"] = Header.Format,
            ["description"] = Header.Description,
            ["priority"] = Header.Priority,
        };

    private static JsonNode? CellOf(string type, JsonNode? value, DateTimeOffset now) =>
        (type, JsonType.Of(value)) switch
        {
            ("string", JsonType.Null) => "<no value>",
            ("string", JsonType.String) => value!.DeepClone(),
            ("string", JsonType.Number) => GoText.Value(value),
            ("string", _) => value!.ToJsonString(),
            ("integer", JsonType.Integer) or ("number", JsonType.Integer or JsonType.Number) or ("boolean", JsonType.Boolean) =>
                value!.DeepClone(),
            ("integer", JsonType.Number) => JsonValue.Create((long)JsonType.Double(value!)),
            ("date", JsonType.String) => Age(JsonType.Text(value), now),
            _ => null,
        };
}
