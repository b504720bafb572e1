using Hostdev.Tests.Demo;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>
/// What pages say of a cluster comes true: their blocks <c>sh cluster</c>, one page after the other in one cluster of
/// <c>hack/demo --play</c>.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class PageRunTests(RunningDemo demo) : IClassFixture<RunningDemo>
{
    public static TheoryData<string> ThatAreRun =>
        [.. Pages.All.Where(p => p.Steps("cluster").Count > 0 && !InstallRunTests.Installs(p)).Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(ThatAreRun))]
    public async Task A_page_that_is_done_from_top_to_bottom_prints_what_it_says_and_gives_everything_back(string page)
    {
        using var reader = new PlaygroundReader(demo);
        await reader.ReadAsync(MarkdownPage.Read(page));
    }
}
