using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Apply;

/// <summary>
/// A set of fields as <c>fieldsV1</c> keeps it (structured-merge-diff <c>fieldpath/set.go</c>): a field can be in it, hold others that are,
/// or both. Immutable.
/// </summary>
internal sealed class FieldSet
{
    public static FieldSet Empty { get; } =
        new(
            ImmutableSortedSet.Create<string>(StringComparer.Ordinal),
            ImmutableSortedDictionary.Create<string, FieldSet>(StringComparer.Ordinal)
        );

    private FieldSet(ImmutableSortedSet<string> members, ImmutableSortedDictionary<string, FieldSet> children)
    {
        Members = members;
        Children = children;
    }

    public ImmutableSortedSet<string> Members { get; }

    /// <summary>None of them is empty.</summary>
    public ImmutableSortedDictionary<string, FieldSet> Children { get; }

    public bool IsEmpty => Members.IsEmpty && Children.IsEmpty;

    public static FieldSet Of(IEnumerable<string> members, IEnumerable<KeyValuePair<string, FieldSet>> children) =>
        new(Empty.Members.Union(members), Empty.Children.AddRange(children.Where(c => !c.Value.IsEmpty)));

    /// <summary>What lies below an element.</summary>
    public FieldSet Below(string element) => Children.GetValueOrDefault(element, Empty);

    public FieldSet Union(FieldSet other)
    {
        if (IsEmpty)
            return other;
        if (other.IsEmpty)
            return this;
        return new(
            Members.Union(other.Members),
            Children.SetItems(other.Children.Select(c => KeyValuePair.Create(c.Key, Below(c.Key).Union(c.Value))))
        );
    }

    public FieldSet Intersect(FieldSet other)
    {
        if (IsEmpty || other.IsEmpty)
            return Empty;
        var (few, many) = Children.Count < other.Children.Count ? (this, other) : (other, this);
        return Of(
            Members.Intersect(other.Members),
            few.Children.Where(c => many.Children.ContainsKey(c.Key))
                .Select(c => KeyValuePair.Create(c.Key, c.Value.Intersect(many.Below(c.Key))))
        );
    }

    /// <summary>Without the members of another set. A member that holds others goes alone: they stay.</summary>
    public FieldSet Except(FieldSet other) => Without(other, Children, (mine, theirs) => mine.Except(theirs));

    /// <summary>Without the members of another set and all that lies below them.</summary>
    public FieldSet ExceptWhole(FieldSet other) =>
        Without(other, Children.RemoveRange(other.Members), (mine, theirs) => mine.ExceptWhole(theirs));

    /// <summary>Costs what the other set has, not what this one has: a small change to a large object is the usual case.</summary>
    private FieldSet Without(FieldSet other, ImmutableSortedDictionary<string, FieldSet> children, Func<FieldSet, FieldSet, FieldSet> less)
    {
        if (IsEmpty || other.IsEmpty)
            return this;
        var rest = children.ToBuilder();
        foreach (var (element, theirs) in other.Children)
        {
            if (!rest.TryGetValue(element, out var mine))
                continue;
            if (less(mine, theirs) is { IsEmpty: false } left)
                rest[element] = left;
            else
                rest.Remove(element);
        }

        return new FieldSet(Members.Except(other.Members), rest.ToImmutable());
    }

    /// <summary>With every field that holds members and that the schema names: a set of <c>a.b</c> then has <c>a</c> too.</summary>
    public FieldSet WithNamedParents(TypeNode type) =>
        Of(
            Members.Union(Children.Keys.Where(e => FieldElement.FieldName(e) is { } name && type.NamesField(name))),
            Children.Select(c => KeyValuePair.Create(c.Key, c.Value.WithNamedParents(type.At(c.Key))))
        );

    /// <summary>Every member's path as people read it: <c>.spec.policies</c>.</summary>
    public IEnumerable<string> Paths(string prefix = "") =>
        Members
            .Select(m => prefix + FieldElement.Display(m))
            .Concat(Children.SelectMany(c => c.Value.Paths(prefix + FieldElement.Display(c.Key))));

    public JsonObject ToJson()
    {
        var json = new JsonObject();
        foreach (var element in Members.Union(Children.Keys))
        {
            var below = Children.TryGetValue(element, out var child) ? child.ToJson() : [];
            if (child is not null && Members.Contains(element))
                below.Insert(0, ".", new JsonObject());
            json[element] = below;
        }

        return json;
    }

    public static FieldSet Parse(JsonObject? json)
    {
        if (json is null)
            return Empty;
        var below = json.Where(p => p.Key is not "." && p.Key.Length > 2 && p.Key[1] == ':' && p.Value is JsonObject).ToList();
        return Of(
            below.Where(p => p.Value!.AsObject() is var o && (o.Count == 0 || o.ContainsKey("."))).Select(p => p.Key),
            below.Select(p => KeyValuePair.Create(p.Key, Parse(p.Value!.AsObject())))
        );
    }
}
