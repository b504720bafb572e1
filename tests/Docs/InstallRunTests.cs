using Hostdev.Tests.Demo;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>
/// Pages that install, upgrade or uninstall: each is done as in <see cref="PageRunTests"/>, in a cluster of its own, because operators and
/// agents may be gone at its end. The chart is this repository's; <see cref="NewcomerTests"/> has the one of <c>hack/publish</c>.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class InstallRunTests
{
    public static TheoryData<string> ThatAreRun => [.. Pages.All.Where(Installs).Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(ThatAreRun))]
    public async Task A_page_that_installs_is_true_from_top_to_bottom_and_gives_everything_back(string page)
    {
        await using var demo = new RunningDemo();
        await demo.InitializeAsync();
        using var reader = new PlaygroundReader(demo);
        await reader.ReadAsync(MarkdownPage.Read(page));
    }

    /// <summary>Whether helm changes something in a page's blocks for a cluster.</summary>
    internal static bool Installs(MarkdownPage page) =>
        page.Steps("cluster")
            .OfType<PageStep.Run>()
            .Any(r => ShellText.Commands(r.Script).Any(c => c.Words is ["helm", ..] && !PageReader.Looks(r.Script)));
}
