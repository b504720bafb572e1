using System.Text.RegularExpressions;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>What a page tells to run can be run: programs, subcommands, options, the chart's values, kinds, files.</summary>
public sealed partial class CommandTests
{
    private static readonly string[] s_folders =
    [
        "charts",
        "crds",
        "device-plugin",
        "docs",
        "examples",
        "hack",
        "kube",
        "kubectl",
        "operator",
        "packaging",
        "planning",
        "projection",
        "telemetry",
        "tests",
    ];

    [Fact]
    public void Every_command_of_ours_on_a_page_is_there()
    {
        Findings.AreNone(Pages.All.SelectMany(Of));
        Assert.InRange(Pages.All.Sum(p => PageCommands.All(p).Count()), 100, 100_000);
    }

    [Fact]
    public void Every_file_of_the_repository_that_a_page_names_is_there() => Findings.AreNone(Pages.All.SelectMany(AbsentFiles));

    [Theory]
    [InlineData("`hostdev-device-plugin pln --desired x`", "page.md:1: hostdev-device-plugin has no subcommand pln")]
    [InlineData("`hostdev-device-plugin plan --desird x`", "page.md:1: hostdev-device-plugin plan has no option --desird")]
    [InlineData("```sh\ntrue &&\n  kubectl hostdev plan --with x\n```", "page.md:3: kubectl hostdev plan has no option --with")]
    [InlineData("```console\n$ ./hack/demo --pley   # --also\n```", "page.md:2: hack/demo has no option --pley")]
    [InlineData("    helm install x y --set a=1 \\\n      --set image.registri=z", "page.md:1: values.yaml of the chart has no a")]
    [InlineData("`kubectl get hostdevicez`", "page.md:1: kubectl get hostdevicez: no kind of ours, and none that pages name")]
    [InlineData("`hack/nothing`", "page.md:1: there is no hack/nothing")]
    [InlineData("`kubectl hostdev free -n x`, `helm upgrade h c --set image.registry=r,agent.podAnnotations.a\\.b=c`, `lspci -x`", null)]
    [InlineData("```sh\nkubectl get hd/x -o yaml >x; x=$(hack/kubetools 1.35)\ncat <<EOF\nhack/nothing\nEOF\n```", null)]
    public void A_command_that_is_not_there_is_found(string text, string? words) =>
        Assert.Equal(words is null ? [] : [words], Of(MarkdownPage.Of("page.md", text)));

    [Fact]
    public void A_file_that_is_not_there_is_found() =>
        Assert.Equal(
            ["page.md:1: there is no examples/absent.yaml"],
            AbsentFiles(MarkdownPage.Of("page.md", "`kubectl apply -f examples/absent.yaml`, `examples/cluster/gpus.yaml`, `docs/*.md`"))
        );

    private static IEnumerable<string> Of(MarkdownPage page) =>
        from command in PageCommands.All(page)
        let words = KnownCommands.Finding(command.Words)
        where words is not null
        select $"{page.Name}:{command.Line}: {words}";

    private static IEnumerable<string> AbsentFiles(MarkdownPage page) =>
        from command in PageCommands.All(page)
        from word in command.Words
        let file = Trailing().Replace(word.StartsWith("./", StringComparison.Ordinal) ? word[2..] : word, "")
        where Plain().IsMatch(file) && s_folders.Contains(file.Split('/')[0]) && !file.Contains("NNNN", StringComparison.Ordinal)
        where !Path.Exists(Repository.Path(file)) && !File.Exists(Repository.Path(file + ".cs")) // a type is named without it
        select $"{page.Name}:{command.Line}: there is no {file}";

    [GeneratedRegex("(?:[#:].*|[.,/])$")]
    private static partial Regex Trailing();

    [GeneratedRegex("^[a-z][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)+$")]
    private static partial Regex Plain();
}
