using System.Collections.Immutable;
using Hostdev.Tests.Demo;
using Hostdev.Tests.Offering;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>
/// What a page only shows (<c>console</c>, code that is indented) is run all the same: the same command, with these options at least, in a
/// block of some page that is run. Of what is not, it is said here why.
/// </summary>
public sealed class ShownCommandTests
{
    private const string Runner = "runs these tests, or is a part of what runs them";
    private const string Vmm =
        $"needs a device; what it is told is held by {nameof(VmmArgumentTests)}, and tried in hack/lab test --nested";

    /// <summary>By how a command begins.</summary>
    private static readonly (string Begin, string Why)[] s_notRun =
    [
        ("virtctl", "KubeVirt's, for a VM that runs"),
        ("lspci", "in a guest"),
        ("jq", "in a container that has it"),
        ("grep", "says of what another program prints what matters"),
        ("echo", "in a container"),
        ("fuser", "asks who has a node that only a real VFIO makes"),
        ("dmesg", "has the log of a real kernel"),
        ("modprobe", "changes the kernel that it is run on"),
        ("install", "copies files to where programs are"),
        ("skopeo login", "needs a registry with accounts"),
        ("helm registry login", "needs a registry with accounts"),
        ("qemu-system-x86_64", Vmm),
        ("cloud-hypervisor", Vmm),
        ("kubectl exec", "the simulated API server runs nothing in a container; what is run there is run beside it"),
        ("kubectl krew", "needs krew; its manifest is checked by hack/publish"),
        ("kubectl completion", "is kubectl's own"),
        ("kubectl edit", "opens an editor"),
        ("hack/publish", "tries itself, pushing to a registry too (hack/publish --check)"),
        ("hack/test", Runner),
        ("hack/verify", Runner),
        ("hack/format", Runner),
        ("hack/lab", Runner),
        ("hack/bench", "measures, for minutes"),
        (
            "hack/demo",
            $"is the cluster that blocks are run in; what else it does is held by {nameof(DemoTests)} and {nameof(PlaygroundTests)}"
        ),
        ("hostdev-operator check", "is what helm test runs"),
        ("hostdev-device-plugin run", $"is what the package's unit runs ({nameof(MachineNewcomerTests)}), and the chart's DaemonSet"),
        ("hostdev-operator run", "is what the chart's Deployment runs, in every block that installs it"),
    ];

    private static readonly Lazy<ImmutableArray<Call>> s_run = new(() =>
        [.. Pages.All.SelectMany(p => p.Blocks.Where(b => b.Language == "sh")).SelectMany(PageCommands.Of).Select(c => Call.Of(c.Words))]
    );

    [Fact]
    public void Every_command_that_a_page_only_shows_is_run_somewhere_or_it_is_said_why_not() => Findings.AreNone(Pages.All.SelectMany(Of));

    [Fact]
    public void Nothing_is_excused_that_no_page_shows()
    {
        var shown = Pages.All.SelectMany(Shown).Select(c => Call.Of(c.Words)).ToList();
        Assert.Equal([], s_notRun.Where(n => !shown.Any(c => c.Begins(n.Begin))).Select(n => n.Begin));
    }

    [Theory]
    [InlineData("```console\n$ kubectl hostdev free\n```", null)]
    [InlineData("```console\n$ kubectl -n other exec x -- y\n$ ./hack/test --fast\n```", null)]
    [InlineData(
        "```console\n$ kubectl hostdev bundle --all\n```",
        "page.md:2: kubectl hostdev bundle --all: no page runs it: write sh cluster or sh host in place of console"
    )]
    [InlineData("    rm -rf x", "page.md:1: rm -rf x: no page runs it: write sh cluster or sh host in place of console")]
    public void A_command_that_nothing_runs_is_found(string text, string? words) =>
        Assert.Equal(words is null ? [] : [words], Of(MarkdownPage.Of("page.md", text)));

    private static IEnumerable<string> Of(MarkdownPage page) =>
        from command in Shown(page)
        let call = Call.Of(command.Words)
        where !s_notRun.Any(n => call.Begins(n.Begin)) && !s_run.Value.Any(call.IsPartOf)
        select $"{page.Name}:{command.Line}: {string.Join(' ', command.Words)}: no page runs it: "
            + "write sh cluster or sh host in place of console";

    private static IEnumerable<(int Line, string[] Words)> Shown(MarkdownPage page) =>
        page
            .Blocks.Where(b => b.Language == "console")
            .Concat(page.Indented)
            .SelectMany(PageCommands.Of)
            .Concat(PageCommands.InProse(page).Where(c => IsOurs(c.Words)));

    /// <summary>In prose much is in backticks that is no command: <c>kubectl get</c> is the name of one.</summary>
    private static bool IsOurs(string[] words) =>
        words
            is ["hostdev-device-plugin" or "hostdev-operator", [>= 'a' and <= 'z', ..], ..]
                or ["kubectl" or "helm", [>= 'a' and <= 'z' or '-', ..], _, ..];

    /// <summary>A command as far as it can be told to be the same as another.</summary>
    /// <param name="Program">Without its directory, but for those of hack.</param>
    /// <param name="Verb">The subcommand: of kubectl's that have such themselves both.</param>
    /// <param name="Options">Their names.</param>
    private sealed record Call(string Program, string Verb, ImmutableHashSet<string> Options)
    {
        private static readonly string[] s_withVerbs = ["hostdev", "rollout", "auth", "create", "registry"];

        public static Call Of(string[] words)
        {
            var program = words[0].StartsWith("./", StringComparison.Ordinal) ? words[0][2..] : words[0];
            if (!program.StartsWith("hack/", StringComparison.Ordinal))
                program = Path.GetFileName(program);
            string[] rest = [.. words.Skip(1).TakeWhile(w => w != "--")];
            if (rest is ["-n", _, .. var after]) // kubectl takes it before its verb
                rest = [.. after, "-n"];
            var verb = rest.TakeWhile(w => !w.StartsWith('-')).Take(s_withVerbs.Contains(rest.FirstOrDefault()) ? 2 : 1);
            return new(program, string.Join(' ', verb), [.. rest.Where(w => w.StartsWith('-')).Select(w => w.Split('=')[0])]);
        }

        public bool Begins(string words) => $"{Program} {Verb} ".StartsWith(words + " ", StringComparison.Ordinal);

        public bool IsPartOf(Call other) => (Program, Verb) == (other.Program, other.Verb) && Options.IsSubsetOf(other.Options);
    }
}
