using System.Text.RegularExpressions;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>
/// The parts of a page that are made from what the code says: between a comment that names what is shown
/// (<c>&lt;!-- words: States --&gt;</c>) and one that ends it (<c>&lt;!-- end of words --&gt;</c>). HOSTDEV_UPDATE_GOLDENS=1 writes them.
/// </summary>
internal static class GeneratedParts
{
    /// <summary>Asserts that the page shows what is made; returns it.</summary>
    /// <param name="page">Its path below the repository's root.</param>
    /// <param name="kind">The word of the two comments.</param>
    /// <param name="source">What the parts are made from, for the words of the failure.</param>
    /// <param name="make">From what the first comment names to lines, each with its line break.</param>
    public static string Match(string page, string kind, string source, Func<string, string> make)
    {
        var path = Repository.Path(page);
        var text = File.ReadAllText(path);
        var marked = new Regex($@"<!-- {kind}: (?<names>.+?) -->\n.*?<!-- end of {kind} -->", RegexOptions.Singleline);
        var made = marked.Replace(
            text,
            m => $"<!-- {kind}: {m.Groups["names"]} -->\n{make(m.Groups["names"].Value)}<!-- end of {kind} -->"
        );
        if (Golden.IsUpdating)
            File.WriteAllText(path, made);
        else
            Assert.True(
                text == made,
                $"{page}:1: not what is made from {source}: run once with HOSTDEV_UPDATE_GOLDENS=1. {FirstDifference(text, made)}"
            );
        return made;
    }

    private static string FirstDifference(string page, string made) =>
        page.Split('\n')
            .Zip(made.Split('\n'))
            .Where(l => l.First != l.Second)
            .Select(l => $"It has\n{l.First}\nand should have\n{l.Second}")
            .FirstOrDefault("");
}
