using System.CommandLine;
using Hostdev.Kubectl.Answers;
using Hostdev.Kubectl.Printing;

namespace Hostdev.Kubectl.Commands;

/// <summary><c>kubectl hostdev explain</c> and <c>tree</c>: one device, and all of one node.</summary>
internal static class ExplainCommand
{
    public static Command CreateExplain(ClusterOptions cluster)
    {
        var (node, output) = (NodeArgument(cluster), ClusterOptions.Output());
        var device = new Argument<string>("device")
        {
            Description = "Its ID: a PCI address (0000:3b:00.0), a USB port, a SCSI disk or the UUID of a mediated device.",
        };
        device.CompletionSources.Add(context => cluster.DeviceIds(context, node));
        var command = new Command("explain", "Say what a device is, who has it, and what is in its way with cause and remedy.")
        {
            node,
            device,
            output,
        };
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                var (name, id) = (parsed.GetValue(node)!, parsed.GetValue(device)!);
                var state = await reader.StateAsync(name, cancellationToken).ConfigureAwait(false);
                if (NodeReading.Of(state).Lack is { } lack)
                    throw new AnswerException(lack);
                var answer =
                    Explanation.Of(state, id)
                    ?? throw new AnswerException(
                        $"{name} reports no device {id}: kubectl hostdev devices --node {name} lists those it has. A virtual function that "
                            + "no pod has and nothing is in the way of is not reported by itself"
                    );
                var known = await reader.WithPodsAsync([answer.Device], cancellationToken).ConfigureAwait(false);
                answer = answer with { Device = known[0] };
                AnswerPrinter.Write(
                    parsed.InvocationConfiguration.Output,
                    ClusterOptions.Form(parsed, output),
                    answer,
                    answer.Lines(),
                    AnswersJsonContext.Default.Explanation
                );
                return 0;
            }
        );
        return command;
    }

    public static Command CreateTree(ClusterOptions cluster)
    {
        var (node, output) = (NodeArgument(cluster), ClusterOptions.Output());
        var command = new Command("tree", "Show a node's devices with their IOMMU groups, and what hangs on what.") { node, output };
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                var reading = await reader.NodeAsync(parsed.GetValue(node)!, cancellationToken).ConfigureAwait(false);
                if (reading.Lack is { } lack)
                    throw new AnswerException(lack);
                var rows = await reader.WithPodsAsync(NodeDevices.Of(reading), cancellationToken).ConfigureAwait(false);
                var tree = DeviceTree.Of(reading, rows);
                AnswerPrinter.Write(
                    parsed.InvocationConfiguration.Output,
                    ClusterOptions.Form(parsed, output),
                    tree,
                    tree.Lines(),
                    AnswersJsonContext.Default.DeviceTree
                );
                return 0;
            }
        );
        return command;
    }

    private static Argument<string> NodeArgument(ClusterOptions cluster)
    {
        var node = new Argument<string>("node") { Description = "The node's name." };
        node.CompletionSources.Add(cluster.NodeNames);
        return node;
    }
}
