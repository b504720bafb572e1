using System.CommandLine;
using Hostdev.Kubectl.Answers;
using Hostdev.Kubectl.Printing;

namespace Hostdev.Kubectl.Commands;

/// <summary><c>kubectl hostdev problems</c>: whether anything is degraded, and what.</summary>
internal static class ProblemsCommand
{
    public static Command Create(ClusterOptions cluster)
    {
        var output = ClusterOptions.Output();
        var command = new Command("problems", "List the policies and nodes that are degraded, with the reason.") { output };
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                var (policies, nodes) = (0, 0);
                var printer = new ListPrinter<Problem>(
                    parsed.InvocationConfiguration.Output,
                    ClusterOptions.Form(parsed, output),
                    Listings.Problems
                );
                await foreach (var (kind, policy) in PolicyReader.ReadAsync(reader.Client, cancellationToken).ConfigureAwait(false))
                {
                    policies++;
                    if (Problem.Of(kind, policy) is { } problem)
                        printer.Write([problem]);
                }

                await foreach (var page in reader.NodesAsync(null, cancellationToken).ConfigureAwait(false))
                {
                    nodes += page.Length;
                    printer.Write([.. page.Select(Problem.Of).OfType<Problem>()]);
                }

                printer.End();
                if (printer.Count == 0)
                    reader.Note($"nothing is degraded: {policies} policies, {nodes} nodes");
                return 0;
            }
        );
        return command;
    }
}
