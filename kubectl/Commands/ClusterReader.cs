using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;

namespace Hostdev.Kubectl.Commands;

/// <summary>Reads what answers are made of. Nothing is kept of a node once its page was passed on.</summary>
/// <param name="note">Takes a sentence for the admin that is no answer: of what is missing in it.</param>
internal sealed class ClusterReader(KubeClient client, Action<string> note)
{
    public static KubeResource PodResource { get; } = new("", "v1", "Pod", "pods", Namespaced: true);

    public static KubeResource NodeResource { get; } = new("", "v1", "Node", "nodes", Namespaced: false);

    public KubeClient Client => client;

    public Action<string> Note => note;

    /// <summary>The namespace that the kubeconfig's context names.</summary>
    public string DefaultNamespace => client.Configuration.Namespace;

    public PodReader Pods { get; } = new(client, note);

    /// <summary>Nodes in the order of their names, a page at a time; those that say nothing yet are noted.</summary>
    /// <param name="node">Only this one; null for all.</param>
    /// <exception cref="AnswerException">There is none of this name.</exception>
    public async IAsyncEnumerable<ImmutableArray<NodeReading>> NodesAsync(
        string? node,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        if (node is not null)
        {
            yield return [Told(await NodeAsync(node, cancellationToken).ConfigureAwait(false))];
            yield break;
        }

        var pages = client.ListPagesAsync(HostdevKinds.NodeDeviceStates, Selection.Everything, cancellationToken).ConfigureAwait(false);
        await foreach (var page in pages)
        {
            foreach (var unreadable in page.Unreadable)
                note($"{unreadable.Key} cannot be read, and is left out: {unreadable.Error}");
            yield return [.. page.Items.Select(NodeReading.Of).Select(Told)];
        }
    }

    /// <exception cref="AnswerException">There is none of this name.</exception>
    public async Task<NodeReading> NodeAsync(string node, CancellationToken cancellationToken) =>
        NodeReading.Of(await StateAsync(node, cancellationToken).ConfigureAwait(false));

    /// <exception cref="AnswerException">There is none of this name.</exception>
    public async Task<NodeDeviceState> StateAsync(string node, CancellationToken cancellationToken) =>
        await client.FindAsync(HostdevKinds.NodeDeviceStates, new ObjectKey(node), cancellationToken).ConfigureAwait(false)
        ?? throw new AnswerException(
            $"there is no NodeDeviceState {node}: no agent runs on a node of that name; kubectl get nodedevicestates lists all"
        );

    /// <summary>Devices with what the pods that have them tell.</summary>
    public async Task<ImmutableArray<DeviceRow>> WithPodsAsync(ImmutableArray<DeviceRow> devices, CancellationToken cancellationToken)
    {
        var keys = devices.Select(d => d.PodKey).OfType<ObjectKey>().ToHashSet();
        if (keys.Count == 0)
            return devices;
        var pods = await Pods.LookAsync(keys, cancellationToken).ConfigureAwait(false);
        return [.. devices.Select(d => d.PodKey is { } key ? d.With(pods.GetValueOrDefault(key)) : d)];
    }

    private NodeReading Told(NodeReading reading)
    {
        if (reading.Lack is { } lack)
            note(lack);
        return reading;
    }
}
