using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Apply;

internal enum ListForm
{
    /// <summary>One value: whoever writes it owns all of it.</summary>
    Atomic,

    /// <summary>Each scalar is a field of its own.</summary>
    Set,

    /// <summary>Each item is a field of its own, known by its keys.</summary>
    Map,
}

/// <summary>
/// How ownership is divided at one place of an object, as far as structured-merge-diff asks: are the parts of what stands there owned one
/// by one, and under which names. <see cref="Deduced"/> is for what no schema describes: objects part by part, lists whole.
/// </summary>
internal abstract class TypeNode
{
    public static TypeNode Deduced { get; } = new DeducedNode();

    public static TypeNode Scalar { get; } = Deduced;

    /// <summary>An object here is one value.</summary>
    public virtual bool AtomicMap => false;

    public virtual ListForm List => ListForm.Atomic;

    public virtual ImmutableArray<string> Keys => [];

    public virtual TypeNode Items => Deduced;

    /// <summary>The schema says that a list or an object stands here, and that it is one value.</summary>
    public virtual bool IsWhole => false;

    /// <summary>The schema says that a list or an object stands here, and that its parts are owned one by one.</summary>
    public virtual bool Divides => false;

    /// <summary>The schema has a field of this name, not only a place for any name.</summary>
    public virtual bool NamesField(string name) => false;

    public virtual TypeNode Field(string name) => Deduced;

    /// <summary>What an item that lacks a key has for it; null for none.</summary>
    public virtual JsonNode? KeyDefault(string key) => null;

    /// <summary>Whether the schema has a place for a field of this name.</summary>
    public virtual bool Allows(string field) => true;

    public TypeNode At(string element) => FieldElement.FieldName(element) is { } name ? Field(name) : Items;

    /// <summary>The name under which an item of a list is owned.</summary>
    /// <param name="error">Why it can have none.</param>
    public string? Element(JsonNode? item, out string error)
    {
        error = "";
        if (List == ListForm.Set)
        {
            if (item is JsonValue)
                return FieldElement.Value(item);
            error = item is null
                ? "associative list without keys has an element that's an explicit null"
                : "associative list without keys has an element that's a map type";
            return null;
        }

        if (item is not JsonObject map)
        {
            error = "associative list with keys may not have non-map elements";
            return null;
        }

        var keys = Keys.Select(k => (Name: k, Value: map[k] ?? KeyDefault(k))).Where(k => k.Value is not null).ToList();
        if (keys.Count > 0)
            return FieldElement.Key(keys);
        error =
            "associative list with keys has an element that omits all key fields "
            + $"[{string.Join(' ', Keys.Select(k => JsonSerializer.Serialize(k)))}] (and doesn't have default values "
            + "for any key fields)";
        return null;
    }

    private sealed class DeducedNode : TypeNode;
}

/// <summary>A type that is written down here, for what every object has.</summary>
internal sealed class FixedType(
    IReadOnlyDictionary<string, TypeNode> fields,
    TypeNode? any = null,
    ListForm list = ListForm.Atomic,
    ImmutableArray<string> keys = default,
    TypeNode? items = null,
    bool atomic = false
) : TypeNode
{
    private static readonly Dictionary<string, TypeNode> None = [];

    /// <summary>metav1.ObjectMeta, from its OpenAPI (labels and annotations part by part, finalizers a set, owners by uid).</summary>
    public static TypeNode ObjectMeta { get; } =
        new FixedType(
            new Dictionary<string, TypeNode>
            {
                ["name"] = Scalar,
                ["generateName"] = Scalar,
                ["namespace"] = Scalar,
                ["uid"] = Scalar,
                ["resourceVersion"] = Scalar,
                ["generation"] = Scalar,
                ["creationTimestamp"] = Scalar,
                ["deletionTimestamp"] = Scalar,
                ["deletionGracePeriodSeconds"] = Scalar,
                ["selfLink"] = Scalar,
                ["labels"] = new FixedType(None, Scalar),
                ["annotations"] = new FixedType(None, Scalar),
                ["finalizers"] = new FixedType(None, list: ListForm.Set, items: Scalar),
                ["ownerReferences"] = new FixedType(
                    None,
                    list: ListForm.Map,
                    keys: ["uid"],
                    items: new FixedType(None, Scalar, atomic: true)
                ),
                ["managedFields"] = new FixedType(None),
            }
        );

    public override bool AtomicMap => atomic;

    public override ListForm List => list;

    public override ImmutableArray<string> Keys => keys.IsDefault ? [] : keys;

    public override TypeNode Items => items ?? Deduced;

    public override bool NamesField(string name) => fields.ContainsKey(name);

    public override TypeNode Field(string name) => fields.GetValueOrDefault(name) ?? any ?? Deduced;

    public override bool Allows(string field) => any is not null || fields.Count == 0 || fields.ContainsKey(field);
}

/// <summary>An object's root: the fields that every object has, then what its kind has.</summary>
internal sealed class RootType(TypeNode kind) : TypeNode
{
    public override bool NamesField(string name) => name is "apiVersion" or "kind" or "metadata" || kind.NamesField(name);

    public override TypeNode Field(string name) =>
        name switch
        {
            "metadata" => FixedType.ObjectMeta,
            "apiVersion" or "kind" => Scalar,
            _ => kind.Field(name),
        };

    public override bool Allows(string field) => field is "apiVersion" or "kind" or "metadata" || kind.Allows(field);
}
