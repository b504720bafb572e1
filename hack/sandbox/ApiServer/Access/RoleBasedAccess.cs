using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Access;

/// <summary>Decides by the roles and bindings that are stored. They are read again only when one of them changes.</summary>
internal sealed class RoleBasedAccess(ObjectStore store)
{
    private static readonly StorageKey[] Sources =
    [
        BuiltInResources.ClusterRoles,
        BuiltInResources.ClusterRoleBindings,
        BuiltInResources.Roles,
        BuiltInResources.RoleBindings,
    ];

    private readonly Lock _gate = new();
    private ImmutableArray<Binding> _bindings = [];
    private long _seen = -1;

    public bool Allows(AccessQuestion question) =>
        question.User.Groups.Contains(ApiUser.Masters) || RulesFor(question.User, question.Namespace).Any(r => r.Allows(question));

    /// <summary>Every rule that holds for a user in a namespace, those of the whole cluster included.</summary>
    public IEnumerable<RoleRule> RulesFor(ApiUser user, string ns)
    {
        var groups = user.AllGroups.ToHashSet();
        return Bindings()
            .Where(b =>
                (b.Namespace.Length == 0 || b.Namespace == ns)
                && b.Subjects.Any(s => s.Group ? groups.Contains(s.Name) : s.Name == user.Name)
            )
            .SelectMany(b => b.Rules);
    }

    private ImmutableArray<Binding> Bindings()
    {
        lock (_gate)
        {
            var last = Sources.Max(store.LastChange);
            if (last == _seen)
                return _bindings;
            var clusterRoles = Rules(BuiltInResources.ClusterRoles);
            var roles = Rules(BuiltInResources.Roles);
            _bindings = [.. Read(BuiltInResources.ClusterRoleBindings), .. Read(BuiltInResources.RoleBindings)];
            _seen = last;
            return _bindings;

            IEnumerable<Binding> Read(StorageKey key) =>
                store
                    .Current(key)
                    .Objects.Values.Select(o =>
                    {
                        var json = o.Parse();
                        var role = json.Object("roleRef");
                        var rules =
                            role.Text("kind") == "Role"
                                ? roles.GetValueOrDefault(StoredObject.KeyOf(o.Namespace, role.Text("name")), [])
                                : clusterRoles.GetValueOrDefault(StoredObject.KeyOf("", role.Text("name")), []);
                        return new Binding(o.Namespace, [.. json.Objects("subjects").Select(Subject)], rules);
                    });
        }
    }

    private Dictionary<string, ImmutableArray<RoleRule>> Rules(StorageKey key) =>
        store.Current(key).Objects.ToDictionary(o => o.Key, o => o.Value.Parse().Objects("rules").Select(RoleRule.Of).ToImmutableArray());

    private static (bool Group, string Name) Subject(JsonObject subject) =>
        subject.Text("kind") switch
        {
            "ServiceAccount" => (false, $"system:serviceaccount:{subject.Text("namespace")}:{subject.Text("name")}"),
            "Group" => (true, subject.Text("name")),
            _ => (false, subject.Text("name")),
        };

    private sealed record Binding(string Namespace, ImmutableArray<(bool Group, string Name)> Subjects, ImmutableArray<RoleRule> Rules);
}
