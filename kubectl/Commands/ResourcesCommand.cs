using System.Collections.Immutable;
using System.CommandLine;
using Hostdev.Kubectl.Answers;
using Hostdev.Kubectl.Printing;

namespace Hostdev.Kubectl.Commands;

/// <summary><c>kubectl hostdev resources</c> and <c>free</c>: how much there is of what, and where.</summary>
internal static class ResourcesCommand
{
    public static Command CreateResources(ClusterOptions cluster)
    {
        var (node, output) = (cluster.Node(), ClusterOptions.Output());
        var resource = cluster.Resource();
        var command = new Command("resources", "List what nodes have of each resource: capacity, free, allocated, unhealthy.")
        {
            node,
            resource,
            output,
        };
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                var name = parsed.GetValue(resource);
                var printer = new ListPrinter<ResourceRow>(
                    parsed.InvocationConfiguration.Output,
                    ClusterOptions.Form(parsed, output),
                    Listings.Resources
                );
                await PrintAsync(reader, printer, parsed.GetValue(node), r => name is null || r.Resource == name, cancellationToken)
                    .ConfigureAwait(false);
                if (printer.Count == 0)
                    reader.Note(name is null ? "no node offers a resource" : $"no node offers {name}: kubectl hostdev resources lists all");
                return 0;
            }
        );
        return command;
    }

    public static Command CreateFree(ClusterOptions cluster)
    {
        var output = ClusterOptions.Output();
        var resource = new Argument<string>("resource") { Description = "For example nvidia.com/gpu." };
        resource.CompletionSources.Add(cluster.ResourceNames);
        var command = new Command("free", "List the nodes that have devices of a resource which no pod has.") { resource, output };
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                var name = parsed.GetValue(resource)!;
                var (offering, capacity, cordoned) = (0, 0, 0);
                var printer = new ListPrinter<ResourceRow>(
                    parsed.InvocationConfiguration.Output,
                    ClusterOptions.Form(parsed, output),
                    Listings.Free
                );
                await PrintAsync(reader, printer, null, IsFree, cancellationToken).ConfigureAwait(false);
                if (printer.Count == 0)
                    reader.Note(
                        offering == 0
                            ? $"no node offers {name}: kubectl hostdev resources lists what there is"
                            : $"no {name} is free: {offering} nodes have {capacity}, and kubectl hostdev devices --resource {name} lists "
                                + $"who has them{(cordoned == 0 ? "" : $"; an admin has cordoned {cordoned}")}"
                    );
                return 0;

                bool IsFree(ResourceRow row)
                {
                    if (row.Resource != name)
                        return false;
                    (offering, capacity, cordoned) = (offering + 1, capacity + row.Capacity, cordoned + row.Cordoned);
                    return row.Free > 0;
                }
            }
        );
        return command;
    }

    private static async Task PrintAsync(
        ClusterReader reader,
        ListPrinter<ResourceRow> printer,
        string? node,
        Func<ResourceRow, bool> isWanted,
        CancellationToken cancellationToken
    )
    {
        await foreach (var page in reader.NodesAsync(node, cancellationToken).ConfigureAwait(false))
            printer.Write([.. page.SelectMany(n => ResourceRow.Of(n)).Where(isWanted).ToImmutableArray()]);
        printer.End();
    }
}
