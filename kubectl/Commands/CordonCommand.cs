using System.CommandLine;
using System.CommandLine.Completions;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;

namespace Hostdev.Kubectl.Commands;

/// <summary>
/// <c>kubectl hostdev cordon</c> and <c>uncordon</c>: the two verbs that write. The list is written whole, over the very object that was
/// read: server-side apply would leave an entry in place that another manager has set too, and an uncordon would end nothing.
/// </summary>
internal static class CordonCommand
{
    // An agent writes its status every 2 s at most, and each of its writes is one conflict.
    private const int MostTries = 10;

    private static readonly WriteOptions s_write = new() { FieldManager = "kubectl-hostdev" };

    private static readonly KubeKind<Whoami> s_whoami = new(
        new KubeResource("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", Namespaced: false),
        WhoamiJsonContext.Default.Whoami
    );

    public static Command CreateCordon(ClusterOptions cluster)
    {
        var (node, force) = (NodeArgument(cluster), Force("Also where somebody else has cordoned it: what you say stands then."));
        var device = DeviceArgument(context => cluster.DeviceIds(context, node));
        var reason = new Option<string>("--reason") { Description = "Why, for whoever wonders: one line.", Required = true };
        reason.Validators.Add(result =>
        {
            var text = result.GetValueOrDefault<string>() ?? "";
            if (string.IsNullOrWhiteSpace(text))
                result.AddError("--reason is empty: say why the device is not to be given out, for whoever wonders");
            else if (PrintableText.Of(text).Length > CordonReader.LongestReason)
                result.AddError($"--reason is {text.Length} characters long: write at most {CordonReader.LongestReason}");
        });
        var command = new Command(
            "cordon",
            "Keep a device from being given to pods, without a change of policies: a pod that has it keeps it."
        )
        {
            node,
            device,
            reason,
            force,
        };
        SetAction(
            cluster,
            command,
            node,
            (parsed, state, by) =>
                CordonChange.Cordon(
                    state,
                    parsed.GetValue(device)!,
                    parsed.GetValue(reason)!,
                    by,
                    TimeProvider.System.GetUtcNow(),
                    parsed.GetValue(force)
                )
        );
        return command;
    }

    public static Command CreateUncordon(ClusterOptions cluster)
    {
        var (node, force) = (NodeArgument(cluster), Force("Also where somebody else has cordoned it."));
        var device = DeviceArgument(context => cluster.Cordoned(context, node));
        var command = new Command("uncordon", "End what cordon said: the device is offered again as policies say.") { node, device, force };
        SetAction(
            cluster,
            command,
            node,
            (parsed, state, by) => CordonChange.Uncordon(state, parsed.GetValue(device)!, by, parsed.GetValue(force))
        );
        return command;
    }

    private static void SetAction(
        ClusterOptions cluster,
        Command command,
        Argument<string> node,
        Func<ParseResult, NodeDeviceState, string?, CordonChange> decide
    ) =>
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                var by = await WhoAsync(reader, cancellationToken).ConfigureAwait(false);
                for (var left = MostTries; ; left--)
                {
                    var state = await reader.StateAsync(parsed.GetValue(node)!, cancellationToken).ConfigureAwait(false);
                    var change = decide(parsed, state, by);
                    if (change is CordonChange.Refused(var why))
                        throw new AnswerException(why);
                    if (
                        change is CordonChange.Write write
                        && !await TryAsync(reader, state, write, cancellationToken).ConfigureAwait(false)
                    )
                    {
                        if (left > 0)
                            continue;
                        throw new AnswerException(
                            $"NodeDeviceState {state.Metadata.Name} is written again and again by others, and nothing was changed: try "
                                + "again"
                        );
                    }

                    var said = change is CordonChange.Write done ? done.Said : ((CordonChange.Nothing)change).Said;
                    await parsed.InvocationConfiguration.Output.WriteLineAsync(PrintableText.Of(said)).ConfigureAwait(false);
                    if (change is CordonChange.Write { Note: { } note })
                        reader.Note(note);
                    return 0;
                }
            }
        );

    /// <returns>False where somebody wrote the object since it was read.</returns>
    private static async Task<bool> TryAsync(
        ClusterReader reader,
        NodeDeviceState read,
        CordonChange.Write change,
        CancellationToken cancellationToken
    )
    {
        JsonBody patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = read.Metadata.Uid, ["resourceVersion"] = read.Metadata.ResourceVersion },
            ["spec"] = new JsonObject { [CordonReader.Field] = change.Cordons.Count == 0 ? null : change.Cordons.DeepClone() },
        };
        try
        {
            var key = ObjectKey.Of(read);
            var written = await reader
                .Client.MergePatchAsync(HostdevKinds.NodeDeviceStates, key, patch, s_write, cancellationToken)
                .ConfigureAwait(false);
            if (
                NodeReading.Of(written).Cordons.Length
                < CordonReader.Read(change.Cordons.DeepClone(), []).OfType<DesiredCordon.OfDevice>().Count()
            )
                throw new AnswerException(
                    "the API server left the cordon out, because its CRD of NodeDeviceState does not know it: apply the CRDs of this "
                        + "version"
                );
            return true;
        }
        catch (KubeApiException e) when (e.IsConflict)
        {
            return false;
        }
        catch (KubeApiException e) when (e.IsForbidden)
        {
            throw new AnswerException($"{e.Status.Message}: ask for the ClusterRole hostdev-cordon, by a ClusterRoleBinding");
        }
    }

    /// <summary>As the API server calls whoever asks; null, with a sentence, where it does not say.</summary>
    private static async Task<string?> WhoAsync(ClusterReader reader, CancellationToken cancellationToken)
    {
        try
        {
            var body = new JsonObject { ["apiVersion"] = s_whoami.Resource.ApiVersion, ["kind"] = s_whoami.Resource.Kind };
            var answer = await reader.Client.CreateAsync(s_whoami, null, body, new WriteOptions(), cancellationToken).ConfigureAwait(false);
            return answer.Status?.UserInfo?.Username is { Length: > 0 } name ? name : null;
        }
        catch (KubeApiException e) when (e.IsForbidden || e.IsNotServed)
        {
            reader.Note($"the API server does not say who you are ({e.Status.Message}): the cordon names nobody");
            return null;
        }
    }

    private static Argument<string> NodeArgument(ClusterOptions cluster)
    {
        var node = new Argument<string>("node") { Description = "The node's name." };
        node.CompletionSources.Add(cluster.NodeNames);
        return node;
    }

    private static Argument<string> DeviceArgument(Func<CompletionContext, IEnumerable<CompletionItem>> propose)
    {
        var device = new Argument<string>("device")
        {
            Description =
                "Its ID: a PCI address (0000:3b:00.0), a USB port, a SCSI disk or the UUID of a mediated device. What is given out with "
                + "it, or hangs on it, is kept back too.",
        };
        device.CompletionSources.Add(propose);
        return device;
    }

    private static Option<bool> Force(string description) => new("--force") { Description = description };
}

/// <summary>What <c>kubectl auth whoami</c> asks (k8s.io/api authentication/v1 SelfSubjectReview).</summary>
internal sealed record Whoami : IKubeObject
{
    public ObjectMeta Metadata
    {
        get => field ?? new();
        init;
    }

    public WhoamiStatus? Status { get; init; }
}

internal sealed record WhoamiStatus(WhoamiUser? UserInfo = null);

internal sealed record WhoamiUser(string? Username = null);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(Whoami))]
internal sealed partial class WhoamiJsonContext : JsonSerializerContext;
