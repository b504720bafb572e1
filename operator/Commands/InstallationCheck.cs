using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Operator.Reconcilers;
using Hostdev.Projection;
using k8s;

namespace Hostdev.Operator.Commands;

/// <summary>
/// Whether what was installed works, by what the API tells: the kinds are served, an operator leads, and every agent is Ready and has
/// reported. It only reads.
/// </summary>
/// <param name="pods">Which are the agents'; its namespace is the operator's too.</param>
/// <param name="say">Takes a line for the admin.</param>
internal sealed class InstallationCheck(KubeClient client, Selection pods, Action<string> say, TimeProvider time)
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private DateTime? _renewed; // as the first look found it

    /// <param name="timeout">After so long what is missing is said.</param>
    /// <returns>Whether everything is there.</returns>
    /// <exception cref="KubeApiException">What waiting does not mend: no right to look.</exception>
    public async Task<bool> RunAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var (found, missing) = (new List<string>(), new List<string>());
            try
            {
                await LookAtKindsAsync(found, missing, cancellationToken).ConfigureAwait(false);
                if (missing.Count == 0) // without the kinds nobody leads or reports
                {
                    await LookAtLeaseAsync(found, missing, cancellationToken).ConfigureAwait(false);
                    await LookAtAgentsAsync(found, missing, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (CommandSettings.IsPassing(e))
            {
                missing.Add(e.Message);
            }

            if (missing.Count == 0)
            {
                found.ForEach(say);
                return true;
            }

            var remaining = timeout - time.GetElapsedTime(began);
            if (remaining <= TimeSpan.Zero)
            {
                say($"not everything is there after {timeout.TotalSeconds:0} s:");
                missing.ForEach(m => say($"  {m}"));
                return false;
            }

            await Task.Delay(remaining < Look ? remaining : Look, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task LookAtKindsAsync(List<string> found, List<string> missing, CancellationToken cancellationToken)
    {
        KubeResource[] kinds = [.. PolicyKinds.All.Select(k => k.Resource), HostdevKinds.NodeDeviceStateSummaries.Resource];
        foreach (var kind in kinds)
        {
            try
            {
                await client.ListAsync(PartialObjectMetadata.Of(kind), Selection.Everything, cancellationToken).ConfigureAwait(false);
            }
            catch (KubeApiException e) when (e.IsNotServed)
            {
                missing.Add($"{kind.Kind} is not served: apply the chart's CRD {kind.Plural}.{kind.Group}");
            }
        }

        found.Add($"{string.Join(", ", kinds.Select(k => k.Kind))} are served");
    }

    /// <summary>Clocks of two machines are not compared: whoever leads renews its Lease while it is watched.</summary>
    private async Task LookAtLeaseAsync(List<string> found, List<string> missing, CancellationToken cancellationToken)
    {
        const string name = OperatorOptions.DefaultLeaseName;
        try
        {
            var lease = await client
                .Calls.CoordinationV1.ReadNamespacedLeaseAsync(name, pods.Namespace, cancellationToken: cancellationToken)
                .ConfigureAwait(false);
            var (holder, renewed) = (lease.Spec?.HolderIdentity, lease.Spec?.RenewTime);
            if (!string.IsNullOrEmpty(holder) && _renewed is { } before && renewed > before)
                found.Add($"{holder} leads");
            else
                missing.Add(
                    string.IsNullOrEmpty(holder)
                        ? $"no operator leads: nobody has the Lease {name}: look at the operators' logs"
                        : $"no operator leads: {holder} has the Lease {name} and does not renew it: look at its log"
                );
            _renewed ??= renewed;
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            missing.Add($"no operator leads: there is no Lease {name} in {pods.Namespace}: look at the operators' Pods and their logs");
        }
    }

    private async Task LookAtAgentsAsync(List<string> found, List<string> missing, CancellationToken cancellationToken)
    {
        var agents = AgentPod.Presence((await client.ListAsync(AgentPod.Kind, pods, cancellationToken).ConfigureAwait(false)).Items);
        var states = (
            await client.ListAsync(HostdevKinds.NodeDeviceStateSummaries, Selection.Everything, cancellationToken).ConfigureAwait(false)
        ).Items.ToDictionary(s => s.Metadata.Name, StringComparer.Ordinal);
        if (agents.Count == 0)
            missing.Add(
                $"no agent's Pod is on a node: agent.nodeSelector chooses none, or {pods.Namespace} does not admit privileged Pods "
                    + "(kubectl describe daemonset says which)"
            );
        foreach (var (node, presence) in agents.OrderBy(a => a.Key, StringComparer.Ordinal))
        {
            if (presence != AgentPresence.Ready)
                missing.Add($"{node}: the agent's Pod is not Ready: look at its log");
            else if (states.GetValueOrDefault(node) is not { } state)
                missing.Add($"{node}: no operator has made its NodeDeviceState yet");
            else if (!GiveBackReport.IsAnswered(state))
                missing.Add($"{node}: the agent is Ready and has not reported what it is asked for now: look at its log");
        }

        found.Add(
            agents.Count == 1 ? $"the agent of {agents.Keys.First()} has reported" : $"the agents of {agents.Count} nodes have reported"
        );
    }
}
