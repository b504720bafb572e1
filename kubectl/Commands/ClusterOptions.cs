using System.CommandLine;
using System.CommandLine.Completions;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;
using Hostdev.Kubectl.Printing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Kubectl.Commands;

/// <summary>Which cluster is asked, and what is said where it cannot be: what all commands have in common.</summary>
internal sealed class ClusterOptions
{
    private const int PageSize = 100; // states are 64 KB as a rule and 256 KB at most

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Of this program.</summary>
    public static string Version => typeof(ClusterOptions).Assembly.GetName().Version?.ToString(3) ?? "0";

    public Option<string> Kubeconfig { get; } =
        new("--kubeconfig")
        {
            Description = "The kubeconfig file, as for kubectl; by default KUBECONFIG, else ~/.kube/config.",
            Recursive = true,
        };

    public Option<string> Context { get; } = new("--context") { Description = "The kubeconfig's context.", Recursive = true };

    public Option<string> Namespace { get; } =
        new("--namespace", "-n") { Description = "Of the pod that is asked for; by default the context's.", Recursive = true };

    /// <summary>A list's or answer's form.</summary>
    public static Option<string> Output()
    {
        var output = new Option<string>("--output", "-o") { Description = $"{OutputForms.Words}.", DefaultValueFactory = _ => "table" };
        output.CompletionSources.Add("table", "wide", "json", "yaml");
        output.Validators.Add(result =>
        {
            if (OutputForms.Parse(result.GetValueOrDefault<string>()) is null)
                result.AddError($"--output is \"{result.GetValueOrDefault<string>()}\": write {OutputForms.Words}");
        });
        return output;
    }

    public Option<string> Node()
    {
        var node = new Option<string>("--node") { Description = "Only what is on this node." };
        node.CompletionSources.Add(NodeNames);
        return node;
    }

    public Option<string> Resource()
    {
        var resource = new Option<string>("--resource") { Description = "Only this resource, for example nvidia.com/gpu." };
        resource.CompletionSources.Add(ResourceNames);
        return resource;
    }

    /// <summary>For shells: the nodes that run an agent.</summary>
    public IEnumerable<CompletionItem> NodeNames(CompletionContext context) =>
        Propose(
            context,
            async (reader, cancellationToken) =>
            {
                var kind = PartialObjectMetadata.Of(HostdevKinds.NodeDeviceStateResource);
                var listed = await reader.Client.ListAsync(kind, Selection.Everything, cancellationToken).ConfigureAwait(false);
                return listed.Items.Select(i => i.Metadata.Name).ToList();
            }
        );

    /// <summary>For shells: the devices of a node.</summary>
    public IEnumerable<CompletionItem> DeviceIds(CompletionContext context, Argument<string> node) =>
        context.ParseResult.GetValue(node) is not { Length: > 0 } name
            ? []
            : Propose(
                context,
                async (reader, cancellationToken) =>
                    [.. NodeDevices.Of(await reader.NodeAsync(name, cancellationToken).ConfigureAwait(false)).Select(d => d.Id)]
            );

    /// <summary>For shells: policies by kind and name.</summary>
    public IEnumerable<CompletionItem> PolicyNames(CompletionContext context) =>
        Propose(
            context,
            async (reader, cancellationToken) =>
            {
                var names = new List<string>();
                await foreach (var (kind, policy) in PolicyReader.ReadAsync(reader.Client, cancellationToken).ConfigureAwait(false))
                    names.Add($"{kind}/{policy.Metadata.Name}");
                return names;
            }
        );

    /// <summary>For shells: the devices of a node that are cordoned.</summary>
    public IEnumerable<CompletionItem> Cordoned(CompletionContext context, Argument<string> node) =>
        context.ParseResult.GetValue(node) is not { Length: > 0 } name
            ? []
            : Propose(
                context,
                async (reader, cancellationToken) =>
                    [.. (await reader.NodeAsync(name, cancellationToken).ConfigureAwait(false)).Cordons.Select(c => c.Device.ToString())]
            );

    /// <summary>For shells: what policies offer.</summary>
    public IEnumerable<CompletionItem> ResourceNames(CompletionContext context) =>
        Propose(
            context,
            async (reader, cancellationToken) =>
            {
                var names = new SortedSet<string>(StringComparer.Ordinal);
                await foreach (var (_, policy) in PolicyReader.ReadAsync(reader.Client, cancellationToken).ConfigureAwait(false))
                    names.UnionWith(PolicyResources.Of(policy.Spec));
                return [.. names];
            }
        );

    /// <summary>A shell that waits for a proposal is told nothing of a cluster that is away, and not for long.</summary>
    private List<CompletionItem> Propose(CompletionContext context, Func<ClusterReader, CancellationToken, Task<List<string>>> read)
    {
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            using var client = Connect(context.ParseResult);
            var names = read(new ClusterReader(client, _ => { }), patience.Token).GetAwaiter().GetResult();
            return [.. names.Select(n => new CompletionItem(n))];
        }
        catch (Exception e) when (Failure.IsExpected(e) || e is OperationCanceledException)
        {
            return [];
        }
    }

    /// <summary>Runs a command against the cluster; an answer, or none, that may be expected is a sentence and exit code 1.</summary>
    public void SetAction(Command command, Func<ParseResult, ClusterReader, CancellationToken, Task<int>> action) =>
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                var error = parsed.InvocationConfiguration.Error;
                try
                {
                    using var client = Connect(parsed);
                    return await action(parsed, new ClusterReader(client, Note), cancellationToken).ConfigureAwait(false);
                }
                catch (Exception e) when (Failure.IsExpected(e))
                {
                    Note(Failure.Sentence(e));
                    return 1;
                }
                catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
                {
                    return 130; // as a shell says of what SIGINT ended
                }

                void Note(string sentence) => error.WriteLine($"kubectl-hostdev: {sentence}");
            }
        );

    public static OutputForm Form(ParseResult parsed, Option<string> output) =>
        OutputForms.Parse(parsed.GetValue(output)) ?? OutputForm.Table;

    private KubeClient Connect(ParseResult parsed) =>
        new(
            KubeConfiguration.Find(
                parsed.GetValue(Kubeconfig),
                parsed.GetValue(Context),
                TimeProvider.System,
                Environment.GetEnvironmentVariable
            ),
            $"kubectl-hostdev/{Version}",
            TimeProvider.System,
            NullLogger<KubeClient>.Instance,
            new KubeClientOptions { PageSize = PageSize }
        );
}
