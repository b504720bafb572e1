using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>What is the matter with pages, each with page and line.</summary>
internal static class Findings
{
    /// <summary>All are told at once: whoever wrote the page puts them right together.</summary>
    public static void AreNone(IEnumerable<string> findings)
    {
        var all = findings.ToList();
        Assert.True(all.Count == 0, $"{all.Count} findings:\n{string.Join('\n', all)}");
    }
}
