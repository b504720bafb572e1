using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// A pattern in RE2's words (github.com/google/re2/wiki/Syntax), run by .NET. What both have and mean alike is taken over, what they mean
/// differently is translated (<c>$</c>, <c>\d</c>, <c>\w</c>, <c>\s</c>, brackets inside classes), what only one of them has is refused.
/// Matching looks at UTF-16 units where RE2 looks at code points: <c>.</c> meets half of a character beyond U+FFFF.
/// </summary>
public sealed class Re2Pattern
{
    /// <summary>
    /// Each is made once for all servers of this process: our CRDs have a hundred of them, and making one costs more than all its matches.
    /// </summary>
    private static readonly ConcurrentDictionary<string, (Re2Pattern? Pattern, string Error)> s_known = new(StringComparer.Ordinal);

    private readonly Regex _regex;

    private Re2Pattern(string text, Regex regex) => (Text, _regex) = (text, regex);

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>Finds the pattern anywhere in the text, as RE2's <c>MatchString</c> does: whole texts need <c>^</c> and <c>$</c>.</summary>
    public bool IsMatch(string text) => _regex.IsMatch(text);

    /// <param name="error">In Go's words where Go refuses it too: <c>error parsing regexp: …</c>.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out Re2Pattern? pattern, out string error)
    {
        (pattern, error) = s_known.GetOrAdd(text, Parse);
        return pattern is not null;
    }

    public override string ToString() => Text;

    private static (Re2Pattern? Pattern, string Error) Parse(string text)
    {
        if (!Re2Translation.TryTranslate(text, out var translated, out var error))
            return (null, error);
        try
        {
            return (new Re2Pattern(text, new Regex(translated, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)), "");
        }
        catch (Exception e) when (e is RegexParseException or NotSupportedException)
        {
            return (null, $"error parsing regexp: {e.Message}");
        }
    }
}
