namespace Hostdev.Tests.Docs;

/// <summary>
/// A fenced block of a page. Its info string says what becomes of it: <c>sh cluster</c>, <c>sh host MACHINE</c>, <c>sh machine</c> and
/// <c>sh build</c> are run, <c>text</c> right after one of them is what it prints, <c>yaml</c> is a manifest or a desired file,
/// <c>console</c> is for the reader.
/// </summary>
/// <param name="Language">The info string's first word; empty where there is none.</param>
/// <param name="Info">The words after it.</param>
/// <param name="Text">What stands between the fences, with a line break at the end of each line.</param>
/// <param name="Line">The number in the page of the first line of <paramref name="Text"/>, from 1.</param>
internal sealed record MarkdownBlock(string Language, IReadOnlyList<string> Info, string Text, int Line)
{
    /// <summary>What a place's name begins with that is a simulated host: the machine's name follows.</summary>
    public const string OnHost = "host ";

    /// <summary>Where it is run or applied: <c>cluster</c>, <c>machine</c>, <c>build</c>, <c>host gpu-1</c>. Empty for nowhere.</summary>
    public string Place => Language is "sh" or "yaml" ? string.Join(' ', Info) : "";

    /// <summary>Whether it is a script that is run at a place; see <see cref="Place"/>.</summary>
    public bool IsRunAt(string place) => Language == "sh" && Place == place;

    /// <summary>
    /// The file that the block is, which a comment on its first line names: <c># /etc/hostdev/desired.yaml</c>. Null where none is named.
    /// </summary>
    public string? File =>
        Language == "yaml"
        && Text.Split('\n')[0] is ['#', ' ', .. var name]
        && name.EndsWith(".yaml", StringComparison.Ordinal)
        && !name.Contains(' ', StringComparison.Ordinal)
            ? name
            : null;
}
