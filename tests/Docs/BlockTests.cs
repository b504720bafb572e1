using Hostdev.Sandbox.Demo;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>What becomes of a block is said by its info string, and a slip there must not take it out of every test.</summary>
public sealed class BlockTests
{
    private static readonly string[] s_places = ["cluster", "machine", "build", .. DemoHosts.Names.Select(n => MarkdownBlock.OnHost + n)];
    private static readonly string[] s_shown = ["text", "console", "mermaid", "ini", "json"];

    private const string Where =
        "say where it is run (cluster, machine, build, host gpu-1, host mixed-1, host net-1, host workstation-1 or host node1), "
        + "or that it is console";

    [Fact]
    public void Every_block_says_what_becomes_of_it() => Findings.AreNone(Pages.All.SelectMany(Of));

    [Theory]
    [InlineData("```sh\nx\n```", $"page.md:2: sh: {Where}")]
    [InlineData("```sh clutser\nx\n```", $"page.md:2: sh clutser: {Where}")]
    [InlineData("```sh host gpu-9\nx\n```", $"page.md:2: sh host gpu-9: {Where}")]
    [InlineData("```bash\nx\n```", "page.md:2: bash: no kind of block: yaml, text, console, mermaid, ini, json, or sh with a place")]
    [InlineData("```\nx\n```", "page.md:2: : no kind of block: yaml, text, console, mermaid, ini, json, or sh with a place")]
    [InlineData("```yaml clutser\nx\n```", "page.md:2: yaml clutser: it is applied at cluster or machine, or nowhere")]
    [InlineData("```sh cluster\nx\n```\n```sh host gpu-1\nx\n```\n```text\nx\n```\n```yaml cluster\nx\n```\n```console\nx\n```", null)]
    public void A_slip_is_found(string text, string? words) =>
        Assert.Equal(words is null ? [] : [words], Of(MarkdownPage.Of("page.md", text)));

    private static IEnumerable<string> Of(MarkdownPage page) =>
        from block in page.Blocks
        let words = block.Language switch
        {
            "sh" => s_places.Contains(block.Place)
                ? null
                : $"say where it is run ({string.Join(", ", s_places[..^1])} or {s_places[^1]}), or that it is console",
            "yaml" => block.Info is [] or ["cluster" or "machine"] ? null : "it is applied at cluster or machine, or nowhere",
            var shown when s_shown.Contains(shown) && block.Info is [] => null,
            _ => $"no kind of block: yaml, {string.Join(", ", s_shown)}, or sh with a place",
        }
        where words is not null
        select $"{page.Name}:{block.Line}: {string.Join(' ', block.Info.Prepend(block.Language))}: {words}";
}
