using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Crds.Parsing;
using Hostdev.Tests.Crds;
using Hostdev.Tests.Shipped;

namespace Hostdev.Tests.Docs;

/// <summary>
/// What there is to call: subcommands and options of our programs and of <c>hack</c>, by what each prints with <c>--help</c>; values of the
/// chart; kinds that kubectl is asked for.
/// </summary>
internal static partial class KnownCommands
{
    private static readonly ConcurrentDictionary<string, string> s_helps = [];

    private static readonly string[] s_verbs = ["get", "describe", "explain", "delete", "wait", "label", "annotate", "edit", "patch"];

    private static readonly string[] s_optionsWithValue = ["-n", "--namespace", "-o", "--output", "-l", "--selector", "--context"];
    private static readonly string[] s_ofFiles = ["-f", "--filename", "-k"];

    /// <summary>Kinds of others that pages name.</summary>
    private static readonly string[] s_others =
    [
        "all clusterrole clusterrolebinding configmap cm crd customresourcedefinition daemonset ds deployment deploy event job lease",
        "namespace ns networkpolicy node no pod po rolebinding secret service svc serviceaccount sa validatingadmissionpolicy",
        "kubevirt kv virtualmachine vm virtualmachineinstance vmi servicemonitor prometheusrule resourceslice deviceclass resourceclaim",
    ];

    private static readonly Lazy<HashSet<string>> s_kinds = new(() =>
        [
            .. s_others.SelectMany(o => o.Split(' ')),
            "hostdev", // the category
            .. CrdFiles.Plurals.Select(CrdFiles.OfPlural).SelectMany(c => (string[])[c.Plural, c.Kind.ToLowerInvariant(), .. c.ShortNames]),
        ]
    );

    private static readonly Lazy<JsonNode> s_values = new(() =>
        YamlJson.Parse(File.ReadAllText(Repository.Path("charts", "hostdev", "values.yaml")), out var error)
        ?? throw new InvalidOperationException(error)
    );

    /// <summary>What is the matter with a command; null where nothing is, or it is none of ours.</summary>
    public static string? Finding(string[] words) =>
        words switch
        {
            ["kubectl", "hostdev", .. var rest] => OfProgram("kubectl hostdev", ShippedPrograms.Kubectl, rest),
            ["kubectl", .. var rest] => OfKubectl(rest),
            ["helm", .. var rest] => OfHelm(rest),
            [var program, .. var rest] => Path.GetFileName(program) switch
            {
                "hostdev-device-plugin" => OfProgram("hostdev-device-plugin", ShippedPrograms.Agent, rest),
                "hostdev-operator" => OfProgram("hostdev-operator", ShippedPrograms.Operator, rest),
                "kubectl-hostdev" => OfProgram("kubectl-hostdev", ShippedPrograms.Kubectl, rest),
                var name => program == "hack/" + name || program == "./hack/" + name ? OfHack(name, rest) : null,
            },
            _ => null,
        };

    private static string? OfProgram(string name, string program, string[] words)
    {
        var help = Help(program, []);
        if (words.FirstOrDefault(w => !w.StartsWith('-')) is { } sub && Named().IsMatch(sub) && Array.IndexOf(words, sub) == 0)
        {
            if (
                !Regex.IsMatch(
                    help[help.IndexOf("Commands:", StringComparison.Ordinal)..],
                    $"^  {Regex.Escape(sub)}( |$)",
                    RegexOptions.Multiline
                )
            )
                return $"{name} has no subcommand {sub}";
            help = Help(program, [sub]);
            name += " " + sub;
        }

        return Unknown(name, help, words);
    }

    private static string? OfHack(string name, string[] words)
    {
        var script = Repository.Path("hack", name);
        if (!File.Exists(script))
            return Directory.Exists(script) ? null : $"there is no hack/{name}";
        // What it runs has options of its own.
        var own = name == "lab" ? words.TakeWhile(w => w.StartsWith('-')) : words;
        return Unknown($"hack/{name}", Help("bash", [script]), own);
    }

    private static string? Unknown(string name, string help, IEnumerable<string> words) =>
        words
            .TakeWhile(w => w != "--")
            .Where(w => w != "--help") // which answered
            .SelectMany(w => Option().Matches(w.TrimStart('[')).Select(m => m.Value))
            .Where(o => !Regex.IsMatch(help, $@"(?<![\w-]){Regex.Escape(o)}(?![\w-])"))
            .Select(o => $"{name} has no option {o}")
            .FirstOrDefault();

    /// <summary>The kind in <c>kubectl get KIND</c>, <c>KIND/NAME</c> or <c>KIND,KIND</c>.</summary>
    private static string? OfKubectl(string[] words)
    {
        var verb = Array.FindIndex(words, s_verbs.Contains);
        if (verb != 0 && !(verb == 2 && words[0] is "-n" or "--context"))
            return null;
        var at = verb + 1;
        while (at < words.Length && words[at].StartsWith('-'))
            at += s_optionsWithValue.Contains(words[at]) ? 2 : 1;
        if (at >= words.Length || words.Any(s_ofFiles.Contains) || !Named().IsMatch(words[at].Split('/', ',', '.')[0]))
            return null;
        var named = words[at];
        return named
            .Split('/')[0]
            .Split(',')
            .Select(k => k.Split('.')[0])
            .Where(k => !s_kinds.Value.Contains(k) && !s_kinds.Value.Contains(k.TrimEnd('s')))
            .Select(k => $"kubectl {words[verb]} {k}: no kind of ours, and none that pages name")
            .FirstOrDefault();
    }

    /// <summary>What <c>--set</c> names is in values.yaml; below an empty map or list anything is.</summary>
    private static string? OfHelm(string[] words)
    {
        var sets = words.Zip(words.Skip(1)).Where(w => w.First is "--set" or "--set-string" or "--set-json").Select(w => w.Second);
        foreach (
            var name in sets.SelectMany(s => Comma().Split(s))
                .Where(s => s.Contains('=', StringComparison.Ordinal))
                .Select(s => s.Split('=')[0])
        )
        {
            JsonNode? value = s_values.Value;
            foreach (var key in Dot().Split(name.Split('[')[0]))
            {
                if (value is JsonObject { Count: 0 })
                    break;
                if (value is not JsonObject map || !map.TryGetPropertyValue(key, out value))
                    return $"values.yaml of the chart has no {name}";
            }
        }

        return null;
    }

    private static string Help(string program, string[] before) =>
        s_helps.GetOrAdd(
            $"{program} {string.Join(' ', before)}",
            _ =>
            {
                var start = new ProcessStartInfo(program, [.. before, "--help"])
                {
                    UseShellExecute = false,
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                    WorkingDirectory = Repository.Root,
                };
                using var process = Process.Start(start)!;
                var errors = process.StandardError.ReadToEndAsync();
                var help = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                return process.ExitCode == 0 ? help : throw new InvalidOperationException($"{program} --help failed: {errors.Result}");
            }
        );

    [GeneratedRegex("^[a-z][a-z0-9-]*$")]
    private static partial Regex Named();

    [GeneratedRegex("^--?[A-Za-z][A-Za-z0-9-]*")]
    private static partial Regex Option();

    [GeneratedRegex(@"(?<!\\),")]
    private static partial Regex Comma();

    [GeneratedRegex(@"(?<!\\)\.")]
    private static partial Regex Dot();
}
