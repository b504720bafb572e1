using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Parsing;

/// <summary>
/// Reads and writes <c>spec.cordons</c>. Every entry is judged alone: what one gets wrong ends no other. A field that a later version adds
/// to an entry does not end it either: a device that is kept back for too long is asked for, one that is given out too early is in a VM.
/// </summary>
public static class CordonReader
{
    public const string Field = "cordons";

    /// <summary>As the schema has it (crds/nodedevicestates.yaml: spec.cordons maxItems).</summary>
    public const int Most = 256;

    /// <summary>In code points, as the schema has it (maxLength of reason).</summary>
    public const int LongestReason = 512;

    /// <summary>
    /// In the order of the list; of a device that is named twice the first. Where it is no list at all, those of <paramref name="before"/>
    /// that can be understood, and what is wrong.
    /// </summary>
    /// <param name="node">Null for an absent field: there are none then.</param>
    public static ImmutableArray<DesiredCordon> Read(JsonNode? node, ImmutableArray<DesiredCordon> before)
    {
        if (node is null)
            return [];
        if (node is not JsonArray entries)
        {
            return
            [
                .. before.OfType<DesiredCordon.OfDevice>(),
                new DesiredCordon.NotUnderstood(
                    $"spec.{Field}",
                    $"spec.{Field} must be a list of entries with device and reason: those that are in force stay"
                ),
            ];
        }

        var cordons = ImmutableArray.CreateBuilder<DesiredCordon>(entries.Count);
        for (var i = 0; i < entries.Count; i++)
        {
            foreach (var cordon in Entry(entries[i], $"spec.{Field}[{i}]"))
            {
                var isSecond = cordon is DesiredCordon.OfDevice { Device: var device } && IsNamed(cordons, device);
                cordons.Add(
                    isSecond
                        ? new DesiredCordon.NotUnderstood(
                            $"spec.{Field}[{i}].device",
                            $"spec.{Field}[{i}].device names {((DesiredCordon.OfDevice)cordon).Device} a second time: the first entry "
                                + "counts; take one of them out"
                        )
                        : cordon
                );
            }
        }

        return cordons.ToImmutable();
    }

    /// <summary>What <see cref="Read"/> reads back; what was not understood is left out.</summary>
    public static JsonArray ToJson(IEnumerable<DesiredCordon> cordons) => new([.. cordons.OfType<DesiredCordon.OfDevice>().Select(ToJson)]);

    public static JsonObject ToJson(DesiredCordon.OfDevice cordon)
    {
        var json = new JsonObject { ["device"] = cordon.Device.ToString(), ["reason"] = cordon.Why };
        if (cordon.By is { } by)
            json["by"] = by;
        if (cordon.Since is { } since)
            json["since"] = since.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        return json;
    }

    private static bool IsNamed(IEnumerable<DesiredCordon> cordons, DeviceId device) =>
        cordons.OfType<DesiredCordon.OfDevice>().Any(c => c.Device == device);

    private static IEnumerable<DesiredCordon> Entry(JsonNode? node, string at)
    {
        if (node is not JsonObject entry)
        {
            yield return new DesiredCordon.NotUnderstood(at, $"{at} must be a mapping with device and reason");
            yield break;
        }

        if (!DeviceId.TryParse(Text(entry["device"]), out var device))
        {
            yield return new DesiredCordon.NotUnderstood(
                $"{at}.device",
                $"{at}.device is {Shown(entry["device"])}, which is no device, so that it keeps none back: write its ID as "
                    + "status.devices has it (0000:3b:00.0)"
            );
            yield break;
        }

        yield return new DesiredCordon.OfDevice(
            device,
            PrintableText.Of(Text(entry["reason"]) ?? ""),
            Text(entry["by"]) is { Length: > 0 } by ? PrintableText.Of(by) : null,
            Time(entry["since"])
        );
        if (entry.Select(f => f.Key).FirstOrDefault(f => f is not ("device" or "reason" or "by" or "since")) is { } unknown)
        {
            yield return new DesiredCordon.NotUnderstood(
                $"{at}.{PrintableText.Of(unknown)}",
                $"{at}.{PrintableText.Of(unknown)}: this version does not know the field, and {device} is cordoned all the same: upgrade "
                    + "the agent, or correct the spelling"
            );
        }
    }

    private static string Shown(JsonNode? node) => node is null ? "absent" : BoundedText.Cut(node.ToJsonString(), 64);

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static DateTimeOffset? Time(JsonNode? node) =>
        DateTimeOffset.TryParse(Text(node), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
