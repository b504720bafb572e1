using System.CommandLine;

namespace Hostdev.Kubectl.Commands;

/// <summary>The plugin's command line: <c>kubectl hostdev</c>.</summary>
public static class KubectlCommand
{
    /// <param name="terminal">Takes completions as they are.</param>
    internal static RootCommand Create(TextWriter terminal)
    {
        var cluster = new ClusterOptions();
        var root = new RootCommand("Host devices of a cluster's nodes: what there is, who has it, and why not.")
        {
            cluster.Kubeconfig,
            cluster.Context,
            cluster.Namespace,
            DevicesCommand.Create(cluster),
            ResourcesCommand.CreateResources(cluster),
            ResourcesCommand.CreateFree(cluster),
            ExplainCommand.CreateExplain(cluster),
            ExplainCommand.CreateTree(cluster),
            PlanCommand.Create(cluster),
            WhyCommand.Create(cluster),
            ProblemsCommand.Create(cluster),
            WatchCommand.Create(cluster),
            UiCommand.Create(cluster),
            CordonCommand.CreateCordon(cluster),
            CordonCommand.CreateUncordon(cluster),
            BundleCommand.Create(cluster),
        };
        root.Add(CompleteCommand.Create(root, terminal));
        return root;
    }
}
