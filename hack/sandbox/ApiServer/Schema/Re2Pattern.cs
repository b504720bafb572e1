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
    private readonly Regex _regex;

    private Re2Pattern(string text, Regex regex) => (Text, _regex) = (text, regex);

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>Finds the pattern anywhere in the text, as RE2's <c>MatchString</c> does: whole texts need <c>^</c> and <c>$</c>.</summary>
    public bool IsMatch(string text) => _regex.IsMatch(text);

    /// <param name="error">In Go's words where Go refuses it too: <c>error parsing regexp: …</c>.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out Re2Pattern? pattern, out string error)
    {
        (pattern, error) = (null, "");
        if (!Re2Translation.TryTranslate(text, out var translated, out error))
            return false;
        try
        {
            pattern = new Re2Pattern(text, new Regex(translated, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking));
            return true;
        }
        catch (RegexParseException e)
        {
            error = $"error parsing regexp: {e.Message}";
            return false;
        }
        catch (NotSupportedException e)
        {
            error = $"error parsing regexp: {e.Message}";
            return false;
        }
    }

    public override string ToString() => Text;
}
