using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Microsoft.Extensions.Logging;

namespace Hostdev.Operator.Reconcilers;

/// <summary>Everything that the operator follows, and what it last wrote.</summary>
internal sealed class ClusterStores
{
    internal static readonly KubeResource NodeResource = new("", "v1", "Node", "nodes", Namespaced: false);

    private static readonly KubeResource CustomResourceDefinition = new(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        Namespaced: false
    );

    private readonly OperatorOptions _options;
    private readonly List<(string Name, Func<CancellationToken, Task> Run, Task Synced, Func<string?> Problem)> _informers = [];
    private readonly ImmutableArray<Informer<PolicyObject>> _policies;
    private readonly ImmutableArray<Informer<PartialObjectMetadata>> _definitions;
    private readonly Informer<NodeDeviceStateSummary> _states;
    private readonly Informer<PartialObjectMetadata> _nodes;
    private readonly Informer<AgentPod> _pods;
    private readonly Dictionary<PolicyObject, Projection.ClusterPolicy> _readPolicies = new(ReferenceEqualityComparer.Instance);
    private Dictionary<
        string,
        (NodeDeviceStateSummary? State, PartialObjectMetadata? Node, Projection.AgentPresence Agent, Projection.NodeView View)
    > _views = [];

    public ClusterStores(
        KubeClient client,
        OperatorOptions options,
        TimeProvider time,
        Random random,
        ILoggerFactory loggers,
        Action changed
    )
    {
        _options = options;
        (WrittenStates, WrittenPolicies) = (new(time, changed), new(time, changed));

        Informer<T> Follow<T>(KubeKind<T> kind, Selection selection, Func<T, T, bool>? matters = null)
            where T : class, IKubeObject
        {
            var informer = new Informer<T>(
                client,
                kind,
                selection,
                time,
                random,
                loggers.CreateLogger($"Hostdev.Kube.Control.Informer.{kind.Resource}")
            );
            informer.Added += _ => changed();
            informer.Changed += (before, now) =>
            {
                if (matters is null || matters(before, now))
                    changed();
            };
            informer.Deleted += _ => changed();
            informer.Recovered += changed; // what could not be followed held back what depends on it
            _informers.Add((kind.Resource.FullName, informer.RunAsync, informer.Synced, () => informer.Problem));
            return informer;
        }

        _policies = [.. Projection.PolicyKinds.All.Select(k => Follow(k, Selection.Everything))];
        _definitions =
        [
            .. Projection.PolicyKinds.All.Select(k =>
                Follow(
                    PartialObjectMetadata.Of(CustomResourceDefinition),
                    new Selection { Fields = $"metadata.name={k.Resource.FullName}" }
                )
            ),
        ];
        _states = Follow(HostdevKinds.NodeDeviceStateSummaries, Selection.Everything);
        // Kubelets and others write their Nodes and Pods all the time, and seldom what we look at.
        _nodes = Follow(
            PartialObjectMetadata.Of(NodeResource),
            Selection.Everything,
            (before, now) => !before.Metadata.Labels.SequenceEqual(now.Metadata.Labels)
        );
        _pods = Follow(
            AgentPod.Kind,
            new Selection { Namespace = options.Namespace, Labels = options.AgentSelector },
            (before, now) => (before.IsReady, before.Spec?.NodeName) != (now.IsReady, now.Spec?.NodeName)
        );
        _states.Deleted += WrittenStates.Forget;
        foreach (var policies in _policies)
            policies.Deleted += WrittenPolicies.Forget;
    }

    public WrittenObjects<NodeDeviceStateSummary> WrittenStates { get; }

    public WrittenObjects<PolicyObject> WrittenPolicies { get; }

    /// <summary>Once everything was listed.</summary>
    public Task Synced => Task.WhenAll(_informers.Select(i => i.Synced));

    /// <summary>What cannot be followed at the moment, and why.</summary>
    public IEnumerable<(string Resource, string Problem)> Problems =>
        _informers.Select(i => (i.Name, Problem: i.Problem())).Where(i => i.Problem is not null).Select(i => (i.Name, i.Problem!));

    /// <summary>Everything that is followed, and whether it is at the moment.</summary>
    public IEnumerable<(string Resource, bool IsFollowed)> Followed =>
        _informers.GroupBy(
            i => i.Name,
            i => i.Synced.IsCompleted && i.Problem() is null,
            (name, all) => (name, all.All(f => f)),
            StringComparer.Ordinal
        );

    /// <summary>What was not listed yet.</summary>
    public IEnumerable<string> Unsynced =>
        _informers.Where(i => !i.Synced.IsCompleted).Select(i => i.Name).Distinct(StringComparer.Ordinal);

    public Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(_informers.Select(i => i.Run(cancellationToken)));

    public ObjectMeta? NodeMetadata(string node) => _nodes.Store.Find(new ObjectKey(node))?.Metadata;

    public PolicyObject? Policy(Projection.PolicyKey key) => Newest(WrittenPolicies, Informer(key.Kind).Store, key.Name);

    public NodeDeviceStateSummary? State(string node) => Newest(WrittenStates, _states.Store, node);

    /// <summary>The resourceVersion that the watch has brought; null when it has brought none.</summary>
    public string? StoredVersion(Projection.PolicyKey key) =>
        Informer(key.Kind).Store.Find(new ObjectKey(key.Name))?.Metadata.ResourceVersion;

    public string? StoredVersion(string node) => _states.Store.Find(new ObjectKey(node))?.Metadata.ResourceVersion;

    /// <summary>
    /// Which of these kinds are still there, asked now. A CRD is on its way out before the first of its objects goes; but two watches may
    /// tell it the other way round.
    /// </summary>
    public static async Task<ImmutableDictionary<string, DateTimeOffset>> ConfirmAsync(
        KubeClient client,
        ImmutableDictionary<string, DateTimeOffset> kinds,
        CancellationToken cancellationToken
    )
    {
        var confirmed = kinds.ToBuilder();
        foreach (var kind in kinds.Keys)
        {
            var name = Projection.PolicyKinds.Of(kind).Resource.FullName;
            var found = await client
                .FindAsync(PartialObjectMetadata.Of(CustomResourceDefinition), new ObjectKey(name), cancellationToken)
                .ConfigureAwait(false);
            if (found?.Metadata is { DeletionTimestamp: null, CreationTimestamp: { } made })
                confirmed[kind] = made;
            else
                confirmed.Remove(kind);
        }

        return confirmed.ToImmutable();
    }

    /// <summary>All of it as it stands now. One caller at a time.</summary>
    public Projection.ClusterView View()
    {
        var definitions = _policies
            .Zip(_definitions)
            .Select(p =>
                (
                    p.First,
                    Made: p.Second.Store.Objects.Values.FirstOrDefault(d =>
                        d.Metadata.DeletionTimestamp is null
                    )?.Metadata.CreationTimestamp
                )
            );
        var policies = new List<Projection.ClusterPolicy>();
        var kinds = ImmutableDictionary.CreateBuilder<string, DateTimeOffset>();
        foreach (var (informer, made) in definitions)
        {
            var kind = KindOf(informer);
            // Before the store, and one picture of that: the watch may put an object into it or take one out meanwhile.
            var unreadable = informer.Unreadable;
            var objects = informer.Store.Objects;
            // What could not be listed lately may be gone with its CRD, and what is there and was never read is not deleted: what nodes
            // have of the kind stays.
            if (made is { } at && informer.Problem is null && unreadable.All(objects.ContainsKey))
                kinds[kind] = at;
            foreach (var (key, policy) in objects.Where(p => p.Value.Metadata.DeletionTimestamp is null))
                policies.Add(Read(WrittenPolicies.Newest(key, policy) ?? policy));
        }

        Forget(policies.Count);
        return new Projection.ClusterView
        {
            Policies = [.. policies],
            Kinds = kinds.ToImmutable(),
            Nodes = Nodes(),
        };
    }

    private ImmutableArray<Projection.NodeView> Nodes()
    {
        var agents = AgentPod.Presence(_pods.Store.Objects.Values);
        var unreadable = _states.Unreadable;
        var nodes = _nodes.Store.Objects;
        var states = _states.Store.Objects;
        var names = agents
            .Keys.Concat(states.Keys.Select(k => k.Name))
            .Concat(WrittenStates.Keys.Select(k => k.Name))
            .ToHashSet(StringComparer.Ordinal);
        // Those whose agent and state are gone, and whose labels still say what is there no longer.
        if (_options.NodeLabels)
            names.UnionWith(nodes.Values.Where(n => Projection.NodeLabels.HasAny(n.Metadata.Labels)).Select(n => n.Metadata.Name));
        var views = new Dictionary<
            string,
            (NodeDeviceStateSummary?, PartialObjectMetadata?, Projection.AgentPresence, Projection.NodeView View)
        >(names.Count, StringComparer.Ordinal);
        foreach (var name in names)
        {
            var (state, node, agent) = (State(name), nodes.GetValueOrDefault(new ObjectKey(name)), agents.GetValueOrDefault(name));
            // It has a list, and nobody can say which: it must not be taken for one that was given nothing yet.
            if (state is null && unreadable.Contains(new ObjectKey(name)))
                continue;
            var same =
                _views.TryGetValue(name, out var known)
                && ReferenceEquals(known.State, state)
                && ReferenceEquals(known.Node, node)
                && known.Agent == agent;
            views[name] = same ? known : (state, node, agent, Projection.NodeView.Of(name, state, node, agent));
        }

        _views = views;
        return [.. views.Values.Select(v => v.View)];
    }

    private Projection.ClusterPolicy Read(PolicyObject policy)
    {
        if (_readPolicies.TryGetValue(policy, out var read))
            return read;
        return _readPolicies[policy] = Projection.ClusterPolicy.Read(policy);
    }

    private void Forget(int inUse)
    {
        if (_readPolicies.Count > 1000 + (4 * inUse))
            _readPolicies.Clear();
    }

    private Informer<PolicyObject> Informer(string kind) => _policies[Projection.PolicyKinds.All.IndexOf(Projection.PolicyKinds.Of(kind))];

    private string KindOf(Informer<PolicyObject> informer) => Projection.PolicyKinds.All[_policies.IndexOf(informer)].Resource.Kind;

    private static T? Newest<T>(WrittenObjects<T> written, Store<T> store, string name)
        where T : class, IKubeObject
    {
        var key = new ObjectKey(name);
        return written.Newest(key, store.Find(key));
    }
}
