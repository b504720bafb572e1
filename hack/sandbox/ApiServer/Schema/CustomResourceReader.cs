using System.Text.Json.Nodes;
using static Hostdev.Sandbox.ApiServer.Schema.SchemaReader;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>Reads a CRD that was found valid.</summary>
internal static class CustomResourceReader
{
    public static CustomResourceDefinition Read(JsonObject crd)
    {
        var spec = Part(crd, "spec");
        var names = Part(spec, "names");
        var kind = Text(names, "kind");
        return new CustomResourceDefinition
        {
            Group = Text(spec, "group"),
            Kind = kind,
            ListKind = Text(names, "listKind") is { Length: > 0 } listKind ? listKind : $"{kind}List",
            Plural = Text(names, "plural"),
            Singular = Text(names, "singular") is { Length: > 0 } singular ? singular : kind.ToLowerInvariant(),
            ShortNames = Texts(names, "shortNames"),
            Categories = Texts(names, "categories"),
            Namespaced = Text(spec, "scope") == "Namespaced",
            Versions = [.. Objects(spec, "versions").Select(Version)],
        };
    }

    /// <summary>A member that is an object; an empty one where it is not.</summary>
    internal static JsonObject Part(JsonObject json, string name) => json[name] as JsonObject ?? [];

    internal static PrinterColumn Column(JsonObject json) =>
        new(
            Text(json, "name"),
            Text(json, "type"),
            Text(json, "jsonPath"),
            Text(json, "description"),
            Text(json, "format"),
            JsonType.TryInteger(json["priority"], out var priority) ? (int)priority : 0
        );

    private static CustomResourceVersion Version(JsonObject json) =>
        new()
        {
            Name = Text(json, "name"),
            Served = Flag(json, "served"),
            Storage = Flag(json, "storage"),
            Schema = SchemaReader.Read(Part(Part(json, "schema"), "openAPIV3Schema")),
            HasStatus = Part(json, "subresources")["status"] is JsonObject,
            Columns = [.. Objects(json, "additionalPrinterColumns").Select(Column)],
            SelectableFields = [.. Objects(json, "selectableFields").Select(f => Text(f, "jsonPath").TrimStart('.'))],
        };
}
