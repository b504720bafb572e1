using System.CommandLine;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Projection;
using Hostdev.Telemetry;
using Microsoft.Extensions.Logging;

namespace Hostdev.Operator.Commands;

/// <summary><c>hostdev-operator kubevirt-snippet</c>: what KubeVirt must permit for everything that is configured.</summary>
internal static class KubeVirtSnippetCommand
{
    public static Command Create()
    {
        var kubeconfig = CommandSettings.Kubeconfig();
        var command = new Command(
            "kubevirt-snippet",
            "Print the permittedHostDevices entries that the KubeVirt object needs for all policies."
        )
        {
            kubeconfig,
        };
        command.SetAction(
            (parsed, cancellationToken) =>
                CommandSettings.RunAsync(
                    parsed.InvocationConfiguration.Error,
                    "not all policies were read, so nothing is printed; run it again",
                    () => PrintAsync(parsed, parsed.GetValue(kubeconfig), cancellationToken),
                    cancellationToken
                )
        );
        return command;
    }

    private static async Task<int> PrintAsync(ParseResult parsed, string? kubeconfig, CancellationToken cancellationToken)
    {
        using var loggers = LogLines.Create(LogLevel.Warning);
        using var client = CommandSettings.Connect(kubeconfig, loggers);
        var (text, problem) = await ReadAsync(client, cancellationToken).ConfigureAwait(false);
        if (text is null)
            return await CommandSettings.FailAsync(problem, parsed.InvocationConfiguration.Error).ConfigureAwait(false);
        await parsed.InvocationConfiguration.Output.WriteAsync(text).ConfigureAwait(false);
        return 0;
    }

    /// <returns>The YAML with its instructions, or why there is none.</returns>
    public static async Task<(string? Text, string Problem)> ReadAsync(KubeClient client, CancellationToken cancellationToken)
    {
        var policies = new List<ClusterPolicy>();
        foreach (var kind in PolicyKinds.All)
            policies.AddRange(
                (await client.ListAsync(kind, Selection.Everything, cancellationToken).ConfigureAwait(false)).Items.Select(
                    ClusterPolicy.Read
                )
            );
        if (policies.Count == 0)
            return (null, "there is no HostDevice, SriovPolicy or MdevProfile yet: apply one first");
        var states = await client
            .ListAsync(HostdevKinds.NodeDeviceStateSummaries, Selection.Everything, cancellationToken)
            .ConfigureAwait(false);
        var ids = states
            .Items.SelectMany(s => NodeReport.Results(s.Metadata.Name, s.Status).Values)
            .ToLookup(r => r.Uid, r => r.Ids, StringComparer.Ordinal);
        var text = KubeVirtSnippet.Text(
            policies.SelectMany(p => KubeVirtSnippet.Entries(p.Policy, ids[p.Identity.Uid].SelectMany(i => i)))
        );
        var notes = string.Concat(policies.Select(p => KubeVirtSnippet.Note(p.Policy)).Distinct());
        if (text is not null)
            return (notes + KubeVirtSnippet.WithInstructions(text), "");
        return notes.Length == 0
            ? (
                null,
                "no policy has found a device yet: kubectl get hostdev shows why; KubeVirt names devices by vendor "
                    + "and device, and only nodes tell those"
            )
            : (notes, "");
    }
}
