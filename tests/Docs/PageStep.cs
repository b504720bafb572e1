namespace Hostdev.Tests.Docs;

/// <summary>What a reader does.</summary>
/// <param name="Line">The first line of the block that says so.</param>
internal abstract record PageStep(int Line)
{
    /// <summary>Writes a file: <c>yaml</c> with the file's name in a comment on the first line.</summary>
    /// <param name="File">Absolute, or below the directory that the reader is in.</param>
    internal sealed record Write(int Line, string File, string Text) : PageStep(Line);

    /// <summary>Applies a manifest: <c>yaml</c> with the place among its words.</summary>
    internal sealed record Apply(int Line, string Text) : PageStep(Line);

    /// <summary>Runs commands in bash with <c>set -euo pipefail</c>.</summary>
    /// <param name="Said">The <c>text</c> that follows; null where none does.</param>
    internal sealed record Run(int Line, string Script, MarkdownBlock? Said) : PageStep(Line)
    {
        /// <summary>
        /// What was printed and is not what the page says; null where it is. <c>...</c> stands for anything within a line, a line of it
        /// alone for any lines; blanks at a line's end and blank lines at both ends say nothing.
        /// </summary>
        public string? Differs(string printed) => Said is null ? null : PrintedText.Difference(Said, printed);
    }
}
