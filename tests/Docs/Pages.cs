namespace Hostdev.Tests.Docs;

/// <summary>All pages of the repository.</summary>
internal static class Pages
{
    private static readonly string[] s_made = ["artifacts", "bin", "obj", "node_modules", "TestResults", ".git"];

    private static readonly Lazy<IReadOnlyList<MarkdownPage>> s_all = new(() =>
        [
            .. Below(new DirectoryInfo(Repository.Root))
                .Select(f => Path.GetRelativePath(Repository.Root, f.FullName))
                .Order(StringComparer.Ordinal)
                .Select(MarkdownPage.Read),
        ]
    );

    /// <summary>Sorted by name.</summary>
    public static IReadOnlyList<MarkdownPage> All => s_all.Value;

    /// <summary>Every manifest below <c>examples</c>, as a block of a page that has nothing else.</summary>
    public static IEnumerable<(string Page, MarkdownBlock Block)> Manifests =>
        All.SelectMany(p => p.Blocks.Where(b => b.Language == "yaml").Select(b => (p.Name, b)))
            .Concat(
                Directory
                    .EnumerateFiles(Repository.Path("examples"), "*.yaml", SearchOption.AllDirectories)
                    .Order(StringComparer.Ordinal)
                    .Select(f => (Path.GetRelativePath(Repository.Root, f), new MarkdownBlock("yaml", [], File.ReadAllText(f), 1)))
            );

    private static IEnumerable<FileInfo> Below(DirectoryInfo directory) =>
        directory
            .EnumerateFiles("*.md")
            .Concat(directory.EnumerateDirectories().Where(d => !s_made.Contains(d.Name) && d.LinkTarget is null).SelectMany(Below));
}
