using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Apply;

/// <summary>
/// Field management, as apimachinery <c>managedfields</c> does it on top of structured-merge-diff's <c>merge.Updater</c>: what an update
/// takes into its owner's hands, and what server-side apply merges, removes and refuses. One schema for all versions of a kind, as a
/// definition without conversion has.
/// </summary>
/// <param name="type">The object's root.</param>
internal sealed class FieldOwnership(TypeNode type, FieldScope scope, DateTimeOffset now)
{
    private const int MostUpdaters = 10;
    private const string BeforeFirstApply = "before-first-apply";
    private const string AncientChanges = "ancient-changes";

    /// <summary>Fields that nobody owns (<c>stripmeta.go</c>).</summary>
    private static readonly FieldSet s_stripped = FieldSet.Of(
        ["f:apiVersion", "f:kind", "f:metadata"],
        [
            KeyValuePair.Create(
                "f:metadata",
                FieldSet.Of(
                    [
                        "f:name",
                        "f:namespace",
                        "f:creationTimestamp",
                        "f:selfLink",
                        "f:uid",
                        "f:clusterName",
                        "f:generation",
                        "f:managedFields",
                        "f:resourceVersion",
                    ],
                    []
                )
            ),
        ]
    );

    /// <summary>Notes in <paramref name="updated"/> who changed what.</summary>
    /// <param name="live">As it was; an object without fields for a creation.</param>
    public void Update(JsonObject live, JsonObject updated, FieldManagerKey key)
    {
        var managed = ManagedFields.IsReset(updated) ? ManagedFields.None : ManagedFields.Of(updated);
        if (managed.Owners.IsEmpty && !ManagedFields.IsReset(updated))
            managed = ManagedFields.Of(live);
        updated.Ensure("metadata").Remove("managedFields");
        // An object whose history nobody knows stays so until it is applied for the first time.
        if (managed.Owners.IsEmpty && live["metadata"].Text("uid").Length > 0)
            return;
        Updated(live, updated, managed, key).WriteTo(updated);
    }

    /// <summary>Merges an applied configuration into an object.</summary>
    /// <returns>The object with its managed fields.</returns>
    /// <exception cref="ApiStatusException">Others own what it changes, or it does not fit the schema.</exception>
    public JsonObject Apply(JsonObject live, JsonObject applied, FieldManagerKey key, bool force)
    {
        if (TypedValue.Misfits(applied, type).ToList() is { Count: > 0 } misfits)
        {
            var who =
                $"{applied["metadata"].Text("namespace")}/{applied["metadata"].Text("name")}; "
                + $"{applied.Text("apiVersion")}, Kind={applied.Text("kind")}";
            var text = misfits.Count == 1 ? misfits[0] : "errors:\n" + string.Join('\n', misfits.Select(m => "  " + m));
            throw new ApiStatusException(ApiStatus.Failure($"failed to create typed patch object ({who}): {text}"));
        }

        var managed = SchemaChanges.Reconcile(ManagedFields.Of(live), live, type);
        live = Bare(live);
        if (managed.Owners.IsEmpty && live["metadata"].Text("uid").Length > 0)
        {
            managed = Updated(new JsonObject(), live, managed, key with { Name = BeforeFirstApply, Applies = false });
        }

        var last = managed.Find(key);
        var mine = Owned(TypedValue.Fields(applied, type));
        var result = (JsonObject)TypedValue.Merge(live, applied, type)!;
        managed = With(managed, new FieldOwner(key, mine, ManagedFields.TimeText(now)));
        if (last is not null && !last.Fields.IsEmpty)
            result = Prune(result, managed, last.Fields);
        managed = Settle(live, result, managed, key, force, Excused(live, key));
        if (JsonNode.DeepEquals(live, result) && last is not null && SameFields(last.Fields, mine))
            managed = With(managed, last with { Key = key });
        managed.WriteTo(result);
        KeepLastApplied(result, applied, key);
        return result;
    }

    private ManagedFields Updated(JsonObject live, JsonObject updated, ManagedFields managed, FieldManagerKey key)
    {
        managed = SchemaChanges.Reconcile(managed, live, type);
        var changes = TypedValue.Compare(Bare(live), Bare(updated), type).Within(scope);
        var before = managed.Find(key)?.Fields ?? FieldSet.Empty;
        managed = Release(managed, changes, null);
        var taken = Owned(changes.Modified.Union(changes.Added));
        if (taken.IsEmpty)
        {
            var rest = before.Except(changes.Removed);
            return rest.IsEmpty || managed.Find(key) is { } same && SameFields(same.Fields, rest)
                ? managed
                : With(managed, managed.Find(key)! with { Fields = rest });
        }

        return Cap(With(managed, new FieldOwner(key, taken.Union(before.Except(changes.Removed)), ManagedFields.TimeText(now))));
    }

    /// <summary>Takes what the configuration changed from those who owned it, or refuses.</summary>
    private ManagedFields Settle(
        JsonObject live,
        JsonObject result,
        ManagedFields managed,
        FieldManagerKey key,
        bool force,
        FieldSet? excused
    )
    {
        var changes = TypedValue.Compare(live, result, type).Within(scope);
        var changed = changes.Modified.Union(changes.Added);
        var conflicts = managed
            .Owners.Where(o => !o.Key.IsSameAs(key))
            .Select(o => (Owner: o, Fields: o.Fields.Intersect(changed)))
            .Where(c => !c.Fields.IsEmpty)
            .ToList();
        if (!force && excused is not null && conflicts.All(c => c.Fields.Except(excused).IsEmpty))
            force = true;
        if (!force && excused is not null)
            conflicts = [.. conflicts.Select(c => (c.Owner, c.Fields.Except(excused))).Where(c => !c.Item2.IsEmpty)];
        if (!force && conflicts.Count > 0)
            throw new ApiStatusException(Conflict(conflicts));
        return Release(managed, changes, key);
    }

    /// <summary>Owners lose what others changed or removed; who has nothing left is no owner.</summary>
    private static ManagedFields Release(ManagedFields managed, FieldComparison changes, FieldManagerKey? except)
    {
        var gone = changes.Modified.Union(changes.Added).Union(changes.Removed);
        return new([
            .. managed
                .Owners.Select(o => except is not null && o.Key.IsSameAs(except) ? o : o with { Fields = o.Fields.Except(gone) })
                .Where(o => !o.Fields.IsEmpty),
        ]);
    }

    /// <summary>What the applier applied last time, and neither this time nor anybody else, goes (<c>merge/update.go</c>, prune).</summary>
    private JsonObject Prune(JsonObject merged, ManagedFields managed, FieldSet last)
    {
        var lastNamed = last.WithNamedParents(type);
        var pruned = Object(TypedValue.Remove(merged, lastNamed, type));
        var all = TypedValue.Fields(merged, type).WithNamedParents(type);
        var owned = managed.Owners.Aggregate(FieldSet.Empty, (set, o) => set.Union(o.Fields)).WithNamedParents(type);
        pruned = Object(TypedValue.Remove(merged, all.Except(TypedValue.Fields(pruned, type).WithNamedParents(type).Union(owned)), type));
        var dangling = all.Except(TypedValue.Fields(pruned, type).WithNamedParents(type)).Intersect(lastNamed);
        return Object(TypedValue.Remove(merged, dangling, type));
    }

    private FieldSet Owned(FieldSet fields) => scope.Of(fields).Except(s_stripped);

    private static ManagedFields With(ManagedFields managed, FieldOwner owner) =>
        new([
            .. managed.Owners.Where(o => !o.Key.IsSameAs(owner.Key)),
            .. owner.Fields.IsEmpty ? ImmutableArray<FieldOwner>.Empty : [owner],
        ]);

    /// <summary>At most ten updaters are told apart; the oldest become one (<c>capmanagers.go</c>).</summary>
    private static ManagedFields Cap(ManagedFields managed)
    {
        var updaters = managed
            .Owners.Where(o => !o.Key.Applies)
            .OrderBy(o => o.Time, StringComparer.Ordinal)
            .ThenBy(o => o.Key.Name, StringComparer.Ordinal)
            .ToList();
        if (updaters.Count <= MostUpdaters)
            return managed;
        var old = updaters.Take(updaters.Count - MostUpdaters + 1).ToList();
        var bucket = new FieldOwner(
            new FieldManagerKey(AncientChanges, false, "", old[^1].Key.ApiVersion),
            old.Aggregate(FieldSet.Empty, (set, o) => set.Union(o.Fields)),
            old[^1].Time
        );
        return new([.. managed.Owners.Except(old), bucket]);
    }

    private static ApiStatus Conflict(List<(FieldOwner Owner, FieldSet Fields)> conflicts)
    {
        var all = conflicts.SelectMany(c => c.Fields.Paths().Select(p => (Owner: c.Owner.Key.Display(c.Owner.Time), Path: p))).ToList();
        var message = all is [var only]
            ? $"Apply failed with 1 conflict: conflict with {only.Owner}: {only.Path}"
            : $"Apply failed with {all.Count} conflicts: "
                + string.Join(
                    '\n',
                    all.GroupBy(c => c.Owner)
                        .OrderBy(g => g.Key, StringComparer.Ordinal)
                        .SelectMany(g => g.Select(c => $"- {c.Path}").Prepend($"conflicts with {g.Key}:"))
                );
        return new ApiStatus(409, "Conflict", message)
        {
            Causes = [.. all.Select(c => new FieldError("FieldManagerConflict", c.Path, $"conflict with {c.Owner}"))],
        };
    }

    /// <summary>
    /// What kubectl's client-side apply wrote may be taken over by kubectl's server-side apply without a conflict
    /// (<c>lastappliedmanager.go</c>). Null where that does not apply.
    /// </summary>
    private FieldSet? Excused(JsonObject live, FieldManagerKey key)
    {
        if (key.Name != "kubectl" || LastApplied.Read(live) is not { } last || last.Text("apiVersion") != key.ApiVersion)
            return null;
        var changes = TypedValue.Compare(last, live, type);
        return TypedValue.Fields(last, type).Except(changes.Modified).Except(changes.Added).Except(changes.Removed);
    }

    /// <summary>
    /// Client-side and server-side apply can be used in turns: the annotation of the one follows the other (<c>lastappliedupdater.go</c>).
    /// </summary>
    private static void KeepLastApplied(JsonObject result, JsonObject applied, FieldManagerKey key)
    {
        if (key.Name == "kubectl" && LastApplied.Read(result) is not null)
            LastApplied.Write(result, applied);
    }

    private static bool SameFields(FieldSet a, FieldSet b) => a.Except(b).IsEmpty && b.Except(a).IsEmpty;

    private static JsonObject Object(JsonNode? node) => node as JsonObject ?? [];

    private static JsonObject Bare(JsonObject json)
    {
        if (json["metadata"] is not JsonObject metadata || !metadata.ContainsKey("managedFields"))
            return json;
        var bare = (JsonObject)json.DeepClone();
        bare["metadata"]!.AsObject().Remove("managedFields");
        return bare;
    }
}
