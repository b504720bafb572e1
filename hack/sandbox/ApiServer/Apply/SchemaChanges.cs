using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Apply;

/// <summary>
/// What becomes of managed fields when the schema divides ownership otherwise than it did when they were written (structured-merge-diff
/// <c>typed/reconcile_schema.go</c>): a list or map that is one value now is owned whole by whoever owned a part of it, and one that is
/// divided now part by part by whoever owned it whole. What the schema has no place for stays as it is.
/// </summary>
internal static class SchemaChanges
{
    /// <param name="live">The object as it is stored.</param>
    public static ManagedFields Reconcile(ManagedFields managed, JsonObject live, TypeNode type)
    {
        var all = new Lazy<FieldSet>(() => TypedValue.Fields(live, type));
        return new([.. managed.Owners.Select(o => o with { Fields = Below(o.Fields, type, () => all.Value) })]);
    }

    /// <param name="all">All fields of the value, as its sole owner would own them.</param>
    private static FieldSet Below(FieldSet owned, TypeNode type, Func<FieldSet> all)
    {
        var (members, children) = (owned.Members, owned.Children);
        foreach (var element in owned.Members.Union(owned.Children.Keys))
        {
            if (FieldElement.FieldName(element) is { } name && !type.Allows(name))
                continue;
            var part = type.At(element);
            if (!owned.Children.TryGetValue(element, out var below))
            {
                if (part.Divides && all().Below(element) is { IsEmpty: false } parts)
                    children = children.SetItem(element, parts);
            }
            else if (part.IsWhole)
            {
                (members, children) = (members.Add(element), children.Remove(element));
            }
            else if (Below(below, part, () => all().Below(element)) is var now && !ReferenceEquals(now, below))
            {
                children = children.SetItem(element, now);
            }
        }

        var isSame = ReferenceEquals(members, owned.Members) && ReferenceEquals(children, owned.Children);
        return isSame ? owned : FieldSet.Of(members, children);
    }
}
