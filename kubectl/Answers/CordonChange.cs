using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Meta;

namespace Hostdev.Kubectl.Answers;

/// <summary>What is to be done about one device's cordon, by what a node's object says.</summary>
public abstract record CordonChange
{
    private const int MostNamed = 10;

    private CordonChange() { }

    /// <summary>Nothing is written.</summary>
    /// <param name="Why">A sentence, with what to do.</param>
    public sealed record Refused(string Why) : CordonChange;

    /// <summary>It is so already.</summary>
    public sealed record Nothing(string Said) : CordonChange;

    /// <param name="Cordons">The whole list; entries of others are as they were, word for word.</param>
    /// <param name="Said">When it is written.</param>
    /// <param name="Note">What should be known beside it; null for nothing.</param>
    public sealed record Write(DeviceId Device, JsonArray Cordons, string Said, string? Note = null) : CordonChange;

    /// <param name="text">The device, as <see cref="Explanation"/> takes it.</param>
    /// <param name="by">Who asks, as the API server calls him; null where it does not say.</param>
    /// <param name="force">Also where somebody else has cordoned it.</param>
    public static CordonChange Cordon(NodeDeviceState state, string text, string reason, string? by, DateTimeOffset now, bool force)
    {
        var reading = NodeReading.Of(state);
        if (Unable(state, reading) is { } unable)
            return new Refused(unable);
        var node = reading.Node;
        var rows = NodeDevices.Of(reading);
        var row = rows.FirstOrDefault(r => string.Equals(r.Id, text, StringComparison.OrdinalIgnoreCase));
        if (!DeviceId.TryParse(row?.Id ?? text, out var device) || (row is null && !MayBeUnlisted(device, reading.Status!)))
            return new Refused(Unknown(node, text, rows));
        var entries = Entries(state);
        var (index, stands) = Find(entries, device);
        var words = PrintableText.Of(reason);
        if (stands is not null && stands.By != by && !force)
        {
            return new Refused(
                $"{device} on {node} is cordoned{stands.Words}: talk to whoever said so, or say it in their place with --force. It is kept "
                    + "back as it is"
            );
        }

        if (stands is not null && stands.By == by && stands.Why == words)
            return new Nothing($"{device} on {node} is cordoned already{stands.Words}");
        if (stands is null && entries.Count >= CordonReader.Most)
            return new Refused($"{node} has {entries.Count} cordons, and more than {CordonReader.Most} are not kept: end some of them");
        var since = stands is not null && stands.By == by ? stands.Since : now;
        var entry = CordonReader.ToJson(new DesiredCordon.OfDevice(device, words, by, since));
        if (index < 0)
            entries.Add((JsonNode)entry);
        else
            entries[index] = entry;
        var pod = row?.PodText is { } has ? $"; pod {has} keeps it until it ends" : "";
        return new Write(device, entries, $"{device} on {node} is cordoned: no pod is given it{pod}", NoteOf(node, device, row));
    }

    /// <param name="text">As of <see cref="Cordon"/>; the device need not be there any more.</param>
    public static CordonChange Uncordon(NodeDeviceState state, string text, string? by, bool force)
    {
        var reading = NodeReading.Of(state);
        var (node, entries) = (reading.Node, Entries(state));
        var (index, stands) = DeviceId.TryParse(text.ToLowerInvariant(), out var device) ? Find(entries, device) : (-1, null);
        if (stands is null)
        {
            var named = reading.Cordons;
            return new Refused(
                $"no cordon of {node} names {text}: "
                    + (
                        named.IsEmpty
                            ? "nothing is cordoned there"
                            : $"there is {string.Join("; ", named.Take(MostNamed).Select(c => $"{c.Device}{c.Words}"))}{More(named.Length)}"
                    )
            );
        }

        if (stands.By is not null && stands.By != by && !force)
        {
            return new Refused(
                $"{device} on {node} is cordoned{stands.Words}: talk to whoever said so, or end it with --force. It is kept back as it is"
            );
        }

        entries.RemoveAt(index);
        return new Write(device!, entries, $"{device} on {node} is not cordoned any more: it is offered as policies say");
    }

    /// <summary>Why nothing can be cordoned on a node; null where it can.</summary>
    private static string? Unable(NodeDeviceState state, NodeReading reading) =>
        reading.Lack is { } lack ? lack
        : !(reading.Status?.Follows ?? []).Contains(CordonReader.Field)
            ? $"the agent of {reading.Node} does not know cordons, and would follow nothing any more if one were written: upgrade it and "
                + "the CRDs (kubectl get nodedevicestate "
                + $"{reading.Node} -o jsonpath='{{.status.follows}}' says cordons then)"
        : state.Spec is not { ValueKind: JsonValueKind.Object }
            ? $"NodeDeviceState {reading.Node} has no spec yet, and a cordon alone makes none: the operator writes it when it runs"
        : null;

    private static bool MayBeUnlisted(DeviceId device, NodeDeviceStateStatus status) =>
        status.Truncated || (device.AsPci is not null && status.VirtualFunctions.OfType<VirtualFunctionsStatus>().Any(v => v.Current > 0));

    private static string Unknown(string node, string text, ImmutableArray<DeviceRow> rows) =>
        rows.IsEmpty
            ? $"{node} reports no device {text}, and no other: is its agent's status what it should be?"
            : $"{node} reports no device {text}: it has {string.Join(", ", rows.Take(MostNamed).Select(r => r.Id))}{More(rows.Length)}. "
                + $"kubectl hostdev devices --node {node} lists all";

    private static string More(int count) => count > MostNamed ? $" and {count - MostNamed} more" : "";

    private static string? NoteOf(string node, DeviceId device, DeviceRow? row) =>
        row switch
        {
            null =>
                $"{node} reports no device {device} by itself: where it is a virtual function that is free, kubectl hostdev explain {node} "
                    + $"{device} shows it as soon as the agent has followed; where it is none, nothing comes of this",
            { Resource: null } => $"nothing of {device} is offered now; what a policy asks for of it is kept back as well",
            _ => null,
        };

    /// <summary>A copy; empty where there is no list, or something else in its place.</summary>
    private static JsonArray Entries(NodeDeviceState state) =>
        state.Spec is { ValueKind: JsonValueKind.Object } spec
        && spec.TryGetProperty(CordonReader.Field, out var cordons)
        && cordons.ValueKind == JsonValueKind.Array
            ? JsonArray.Create(cordons)!.DeepClone().AsArray()
            : [];

    private static (int Index, DesiredCordon.OfDevice? Cordon) Find(JsonArray entries, DeviceId device)
    {
        for (var i = 0; i < entries.Count; i++)
        {
            var one = CordonReader.Read(new JsonArray(entries[i]?.DeepClone()), []).OfType<DesiredCordon.OfDevice>().FirstOrDefault();
            if (one?.Device == device)
                return (i, one);
        }

        return (-1, null);
    }
}
