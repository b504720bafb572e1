using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Crds.Parsing;

namespace Hostdev.Kubectl.Answers;

/// <summary>
/// Takes out of objects and texts what may be a secret, before they leave the cluster. Of what other people write (pods, VMs, nodes) only
/// what is named is kept; of our own objects everything but what is named goes through.
/// </summary>
internal static partial class Redaction
{
    public const string Mark = "(redacted)";

    /// <summary>For the README of whoever is handed the result.</summary>
    public static IReadOnlyList<string> Rules { get; } =
    [
        "values of environment variables of all containers; their names are there",
        "annotations, but for those of hostdev.io and kubevirt.io/domain: their names are there (kubectl's last-applied-configuration "
            + "among them)",
        "names of image pull secrets, and of secrets that variables and volumes come from",
        "of pods, VirtualMachineInstances and nodes everything that is not needed here: volumes, cloud-init, commands, probes, addresses",
        "of ConfigMaps every value that is no manifest; what is one is treated as an object",
        "anywhere, logs among it: bearer tokens, JSON web tokens, private keys, passwords in addresses, and what follows words like "
            + "password, token and secret",
        "managedFields",
        "not taken out: names of nodes, namespaces, pods and VMs, labels, serial numbers of devices; look at it before you hand it on",
    ];

    private static readonly string[] s_names = ["imagePullSecrets", "secretKeyRef", "secretRef"];

    /// <summary>An object of ours, whole but for what may be a secret. Changes what it is given.</summary>
    public static JsonObject Ours(JsonObject json)
    {
        Clean(json);
        return json;
    }

    /// <summary>A pod: what it asks for, where it is, and how it stands.</summary>
    public static JsonObject Pod(JsonObject pod)
    {
        var kept = new JsonObject
        {
            ["metadata"] = Metadata(pod),
            ["spec"] = Pick(pod["spec"], "nodeName", "schedulerName", "priority", "nodeSelector", "tolerations"),
            ["status"] = Pick(pod["status"], "phase", "reason", "message", "conditions", "startTime", "qosClass"),
        };
        foreach (var list in (string[])["initContainers", "containers"])
        {
            if (pod["spec"]?[list] is JsonArray containers)
                kept["spec"]![list] = new JsonArray([.. containers.Select(c => Pick(c, "name", "image", "resources"))]);
        }

        foreach (var list in (string[])["initContainerStatuses", "containerStatuses"])
        {
            if (pod["status"]?[list] is JsonArray statuses)
            {
                kept["status"]![list] = new JsonArray([
                    .. statuses.Select(s =>
                        Pick(s, "name", "image", "imageID", "ready", "restartCount", "state", "lastState", "allocatedResourcesStatus")
                    ),
                ]);
            }
        }

        return Ours(kept);
    }

    public static JsonObject Node(JsonObject node) =>
        Ours(
            new JsonObject
            {
                ["metadata"] = Metadata(node),
                ["spec"] = Pick(node["spec"], "unschedulable", "taints"),
                ["status"] = Pick(node["status"], "capacity", "allocatable", "conditions", "nodeInfo"),
            }
        );

    /// <summary>A VirtualMachineInstance: its devices and where it is.</summary>
    public static JsonObject VirtualMachine(JsonObject vmi) =>
        Ours(
            new JsonObject
            {
                ["metadata"] = Metadata(vmi),
                ["spec"] = new JsonObject
                {
                    ["domain"] = new JsonObject { ["devices"] = Pick(vmi["spec"]?["domain"]?["devices"], "gpus", "hostDevices") },
                },
                ["status"] = Pick(vmi["status"], "phase", "reason", "nodeName", "conditions", "activePods", "deviceStatus"),
            }
        );

    /// <summary>A ConfigMap: of each value that is a manifest what is left of it, and of others how long they are.</summary>
    public static JsonObject ConfigMap(JsonObject map)
    {
        var data = new JsonObject();
        foreach (var (name, value) in (map["data"] as JsonObject ?? new JsonObject()).ToList())
        {
            var text = value is JsonValue v && v.TryGetValue<string>(out var words) ? words : "";
            data[name] = YamlJson.Parse(text, out _) is JsonObject manifest ? Ours(manifest) : $"{Mark}: {text.Length} characters";
        }

        return Ours(new JsonObject { ["metadata"] = Metadata(map), ["data"] = data });
    }

    /// <summary>A line of a log, or any other text.</summary>
    public static string Text(string text)
    {
        text = Tokens().Replace(text, Mark);
        text = Keys().Replace(text, Mark);
        text = Userinfo().Replace(text, $"://{Mark}@");
        return Named().Replace(text, m => $"{m.Groups["name"].Value}{m.Groups["between"].Value}{Mark}");
    }

    private static JsonObject Metadata(JsonObject of) =>
        Pick(
            of["metadata"],
            "name",
            "namespace",
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "labels",
            "annotations",
            "ownerReferences"
        );

    /// <summary>These fields, where they are there.</summary>
    private static JsonObject Pick(JsonNode? of, params ReadOnlySpan<string> names)
    {
        var kept = new JsonObject();
        foreach (var name in names)
        {
            if (of is JsonObject it && it[name] is { } value)
                kept[name] = value.DeepClone();
        }

        return kept;
    }

    private static void Clean(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject it:
                foreach (var (name, value) in it.ToList())
                    CleanField(it, name, value);
                break;
            case JsonArray list:
                for (var i = 0; i < list.Count; i++)
                {
                    if (list[i] is JsonValue item && item.TryGetValue<string>(out var text))
                        list[i] = Text(text);
                    else
                        Clean(list[i]);
                }

                break;
        }
    }

    private static void CleanField(JsonObject it, string name, JsonNode? value)
    {
        if (name == "managedFields")
        {
            it.Remove(name);
        }
        else if (name == "annotations" && value is JsonObject annotations)
        {
            foreach (var key in annotations.Select(a => a.Key).Where(k => !IsKept(k)).ToList())
                annotations[key] = Mark;
        }
        else if (name == "env" && value is JsonArray variables)
        {
            foreach (var variable in variables.OfType<JsonObject>().Where(v => v.ContainsKey("value")))
                variable["value"] = Mark;
            Clean(value);
        }
        else if (s_names.Contains(name) && value is not null)
        {
            it[name] = Mark;
        }
        else if (name == "secret" && value is JsonObject secret && secret.ContainsKey("secretName"))
        {
            secret["secretName"] = Mark;
        }
        else if (value is JsonValue one && one.TryGetValue<string>(out var text))
        {
            it[name] = Text(text);
        }
        else
        {
            Clean(value);
        }
    }

    private static bool IsKept(string annotation) =>
        annotation.StartsWith("hostdev.io/", StringComparison.Ordinal) || annotation == "kubevirt.io/domain";

    /// <summary>JSON web tokens, and what stands behind Bearer and Basic.</summary>
    [GeneratedRegex(@"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|(?<=\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}")]
    private static partial Regex Tokens();

    [GeneratedRegex(@"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)", RegexOptions.Singleline)]
    private static partial Regex Keys();

    [GeneratedRegex(@"://[^\s/@:]*:[^\s/@]+@")]
    private static partial Regex Userinfo();

    [GeneratedRegex(
        """(?<name>(?:password|passwd|secret|token|api[-_]?key|access[-_]?key|credential)s?)(?<between>["']?\s*[=:]\s*["']?)[^\s"',;&]+""",
        RegexOptions.IgnoreCase
    )]
    private static partial Regex Named();
}
