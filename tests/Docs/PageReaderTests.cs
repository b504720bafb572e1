using Xunit;
using Xunit.Sdk;

namespace Hostdev.Tests.Docs;

public sealed class PageReaderTests
{
    [Fact]
    public async Task What_a_block_sets_is_there_in_the_next_and_nothing_is_written_into_the_repository()
    {
        var page = Page(
            """
            ```yaml
            # wanted.yaml
            policies: []
            ```

            ```sh machine
            NAME=${NAME:-nobody}
            cd docs/..
            ```

            ```sh machine
            echo "$NAME"; cat wanted.yaml; cat LICENSE | head -n 1
            ```

            ```text
            somebody
            # wanted.yaml
            policies: []
            ...
            ```

            ```sh cluster
            exit 1
            ```
            """
        );
        using var reader = new PageReader([("NAME", "somebody")]);
        await reader.ReadAsync(page, "machine");
        Assert.False(File.Exists(Repository.Path("wanted.yaml")));
    }

    [Fact]
    public void What_is_done_in_a_cluster_writes_to_no_host() =>
        Assert.IsType<PageStep.Run>(
            Assert.Single(Page("```yaml\n# /etc/hostdev/desired.yaml\npolicies: []\n```\n```sh cluster\ntrue\n```").Steps("cluster"))
        );

    [Theory]
    [InlineData("```sh machine\nuntrue=1\nfalse\n```", "page.md:2: ended with 1:\nuntrue=1\nfalse\n")]
    [InlineData("```sh machine\nmkdir -p x && echo one\n```\n```text\ntwo\n```", "page.md:2: line 5 says\ntwo\nand printed was\none\n")]
    [InlineData("```sh machine\nmkdir x | cat; false | true\n```", "page.md:2: ended with 1:\n")]
    public async Task What_goes_otherwise_fails_with_page_and_line(string text, string words)
    {
        using var reader = new PageReader([]);
        var failed = await Assert.ThrowsAsync<TrueException>(() => reader.ReadAsync(Page(text), "machine"));
        Assert.StartsWith(words, failed.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kubectl get pods | grep render", true)]
    [InlineData("kubectl hostdev free example.com/gpu\nkubectl -n vms wait --for=condition=Ready pod/x", true)]
    [InlineData("kubectl get pods && kubectl apply -f x", false)]
    [InlineData("kubectl hostdev cordon gpu-1 0000:82:00.0", false)]
    [InlineData("helm status hostdev; helm uninstall hostdev", false)]
    public void Only_a_look_is_repeated(string script, bool looks) => Assert.Equal(looks, PageReader.Looks(script));

    private static MarkdownPage Page(string text) => MarkdownPage.Of("page.md", text);
}
