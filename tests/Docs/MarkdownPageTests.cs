using Xunit;

namespace Hostdev.Tests.Docs;

public sealed class MarkdownPageTests
{
    private const string Text = """
        # What it's for: `plan` & more

        See [this](other.md#there), `hack/demo`.

        ## Same
        ## Same

        ```yaml
        # /etc/hostdev/desired.yaml
        policies: []
        ```

        - a list:

          ```sh machine
          one
            two
          ```

          ```text
          NAME ...
          ...
          end
          ```

        ```yaml
        kind: Shown
        ```

        ```console
        $ lspci
        ```
        """;

    [Fact]
    public void A_page_is_cut_into_its_blocks()
    {
        var blocks = MarkdownPage.Of("page.md", Text).Blocks;
        Assert.Equal(["yaml", "sh", "text", "yaml", "console"], blocks.Select(b => b.Language));
        Assert.Equal([9, 16, 21, 27, 31], blocks.Select(b => b.Line));
        Assert.Equal(["machine"], blocks[1].Info);
        Assert.Equal("one\n  two\n", blocks[1].Text);
        Assert.Equal("/etc/hostdev/desired.yaml", blocks[0].File);
        Assert.Null(blocks[3].File);
    }

    [Fact]
    public void What_is_run_is_what_a_place_runs()
    {
        var page = MarkdownPage.Of("page.md", Text);
        Assert.Empty(page.Steps("cluster"));
        Assert.Collection(
            page.Steps("machine"),
            s => Assert.Equal(new PageStep.Write(9, "/etc/hostdev/desired.yaml", page.Blocks[0].Text), s),
            s => Assert.Equal(new PageStep.Run(16, "one\n  two\n", page.Blocks[2]), s)
        );
    }

    [Theory]
    [InlineData("NAME  x\nend\n", true)]
    [InlineData("NAME x y\nanything\n\nat all\nend", true)]
    [InlineData("NAME x\nend\nmore", false)]
    [InlineData("OTHER x\nend", false)]
    [InlineData("", false)]
    public void What_is_printed_is_compared_line_by_line(string printed, bool alike)
    {
        var run = (PageStep.Run)MarkdownPage.Of("page.md", Text).Steps("machine")[1];
        Assert.Equal(alike, run.Differs(printed) is null);
    }

    [Fact]
    public void A_difference_names_the_line_of_the_page() =>
        Assert.StartsWith(
            "line 23 says\nend\nand printed was\nNAME x\n",
            ((PageStep.Run)MarkdownPage.Of("page.md", Text).Steps("machine")[1]).Differs("NAME x\nlast\n"),
            StringComparison.Ordinal
        );

    [Fact]
    public void Links_anchors_and_code_are_found()
    {
        var page = MarkdownPage.Of("page.md", Text);
        Assert.Equal([("other.md#there", 3)], page.Links);
        Assert.Equal([("plan", 1), ("hack/demo", 3)], page.Code);
        Assert.Equal(["what-its-for-plan--more", "same", "same-1"], page.Anchors);
    }
}
