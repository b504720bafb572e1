using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Schema;

namespace Hostdev.Sandbox.ApiServer.Apply;

/// <summary>
/// How a structural schema divides ownership (kube-openapi <c>pkg/schemaconv</c>): its list and map types, and the rest part by part.
/// </summary>
internal sealed class SchemaType : TypeNode
{
    private static readonly ConditionalWeakTable<StructuralSchema, SchemaType> Known = [];

    private readonly StructuralSchema _schema;

    private SchemaType(StructuralSchema schema) => _schema = schema;

    public static TypeNode Of(StructuralSchema? schema) => schema is null ? Deduced : Known.GetValue(schema, s => new SchemaType(s));

    public override bool AtomicMap => _schema.MapType == "atomic";

    public override ListForm List =>
        _schema.ListType switch
        {
            "set" => ListForm.Set,
            "map" => ListForm.Map,
            _ => ListForm.Atomic,
        };

    public override ImmutableArray<string> Keys => _schema.ListMapKeys;

    public override TypeNode Items => Of(_schema.Items);

    public override bool IsWhole => _schema.Type == JsonType.Array ? List == ListForm.Atomic : _schema.Type == JsonType.Object && AtomicMap;

    public override bool Divides => _schema.Type is JsonType.Array or JsonType.Object && !IsWhole;

    public override bool NamesField(string name) => _schema.Properties.ContainsKey(name);

    public override TypeNode Field(string name) => Of(_schema.Member(name));

    public override JsonNode? KeyDefault(string key) => _schema.Items?.Member(key)?.Default;

    public override bool Allows(string field) => _schema.PreserveUnknownFields || _schema.Member(field) is not null;
}
