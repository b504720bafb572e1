using System.Globalization;
using System.Text;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>Rewrites an RE2 pattern into one that means the same to .NET, or says why that cannot be.</summary>
internal sealed class Re2Translation
{
    /// <summary>RE2 refuses higher repeat counts.</summary>
    private const int MaxRepeat = 1000;

    private static readonly Dictionary<string, string> s_posixClasses = new()
    {
        ["alnum"] = "0-9A-Za-z",
        ["alpha"] = "A-Za-z",
        ["ascii"] = @"\x00-\x7F",
        ["blank"] = @"\t ",
        ["cntrl"] = @"\x00-\x1F\x7F",
        ["digit"] = "0-9",
        ["graph"] = "!-~",
        ["lower"] = "a-z",
        ["print"] = " -~",
        ["punct"] = @"!-/:-@\[-`{-~",
        ["space"] = @"\t\n\v\f\r ",
        ["upper"] = "A-Z",
        ["word"] = "0-9A-Za-z_",
        ["xdigit"] = "0-9A-Fa-f",
    };

    private readonly string _text;
    private readonly StringBuilder _translated = new();
    private int _at;
    private string _error = "";

    private Re2Translation(string text) => _text = text;

    public static bool TryTranslate(string text, out string translated, out string error)
    {
        var translation = new Re2Translation(text);
        translation.Run();
        (translated, error) = (translation._translated.ToString(), translation._error);
        return error.Length == 0;
    }

    private void Run()
    {
        while (_at < _text.Length && _error.Length == 0)
        {
            switch (_text[_at])
            {
                case '\\':
                    Escape(inClass: false);
                    break;
                case '[':
                    Class();
                    break;
                case '(':
                    Group();
                    break;
                case '{':
                    Repeat();
                    break;
                case '$':
                    Take(1, @"\z");
                    break;
                default:
                    Take(1);
                    break;
            }
        }
    }

    private void Take(int length, string? instead = null)
    {
        _translated.Append(instead ?? _text.Substring(_at, length));
        _at += length;
    }

    private void Refuse(string error) => _error = $"error parsing regexp: {error}";

    private void Group()
    {
        var rest = _text.AsSpan(_at);
        if (rest.StartsWith("(?P<"))
            Take(4, "(?<");
        else if (!rest.StartsWith("(?") || rest.StartsWith("(?:") || IsNamed(rest) || HasCommonFlags(rest))
            Take(1);
        else
            Refuse($"invalid or unsupported Perl syntax: `{_text.Substring(_at, Math.Min(rest.Length, 3))}`");
    }

    private static bool IsNamed(ReadOnlySpan<char> rest) =>
        rest.StartsWith("(?<") && rest.Length > 3 && (char.IsAsciiLetter(rest[3]) || rest[3] == '_');

    /// <summary>
    /// Whether only flags stand there that both know: <c>(?i)</c>, <c>(?s:…)</c>. The flag m changes what <c>$</c> means, and U is RE2's
    /// alone.
    /// </summary>
    private static bool HasCommonFlags(ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOfAny(')', ':');
        return end > 2 && rest[2..end].IndexOfAnyExcept("is-") < 0;
    }

    private void Repeat()
    {
        var end = _text.IndexOf('}', _at);
        var counts = end < 0 ? [] : _text[(_at + 1)..end].Split(',');
        var isRepeat = counts is [_] or [_, _] && counts[0].Length > 0 && counts.All(c => c.All(char.IsAsciiDigit));
        if (!isRepeat)
        {
            Take(1, @"\{");
            return;
        }

        if (counts.Any(c => c.Length > 4 || (c.Length > 0 && int.Parse(c, CultureInfo.InvariantCulture) > MaxRepeat)))
            Refuse($"invalid repeat count: `{_text[_at..(end + 1)]}`");
        else
            Take(end + 1 - _at);
    }

    private void Class()
    {
        Take(1);
        if (_at < _text.Length && _text[_at] == '^')
            Take(1);
        var first = true;
        while (_at < _text.Length && _error.Length == 0)
        {
            if (_text[_at] == ']' && !first)
            {
                Take(1);
                return;
            }

            first = false;
            if (_text[_at] == '\\')
                Escape(inClass: true);
            else if (_text[_at] == '[')
                Bracket();
            else if (_text[_at] == ']')
                Take(1, @"\]");
            else
                Take(1);
        }

        if (_error.Length == 0)
            Refuse($"missing closing ]: `{_text[_text.IndexOf('[', StringComparison.Ordinal)..]}`");
    }

    /// <summary>A bracket inside a class: <c>[:alpha:]</c>, or itself, which .NET would read as the start of a subtraction.</summary>
    private void Bracket()
    {
        var end = _text.IndexOf(":]", _at, StringComparison.Ordinal);
        if (end < 0 || _at + 1 >= _text.Length || _text[_at + 1] != ':')
            Take(1, @"\[");
        else if (s_posixClasses.TryGetValue(_text[(_at + 2)..end], out var members))
            Take(end + 2 - _at, members);
        else
            Refuse($"invalid character class range: `{_text[_at..(end + 2)]}`");
    }

    private void Escape(bool inClass)
    {
        if (_at + 1 >= _text.Length)
        {
            Refuse("trailing backslash at end of expression: ``");
            return;
        }

        var letter = _text[_at + 1];
        switch (letter)
        {
            case 'd' or 'w' or 's':
                Take(2, inClass ? Members(letter) : $"[{Members(letter)}]");
                break;
            case 'D' or 'W' or 'S' when !inClass:
                Take(2, $"[^{Members(char.ToLowerInvariant(letter))}]");
                break;
            case 'b' or 'B' or 'A' or 'z' when !inClass:
                Take(2);
                break;
            case 'n' or 'r' or 't' or 'f' or 'v' or 'a':
                Take(2);
                break;
            case 'x' when _at + 3 < _text.Length && char.IsAsciiHexDigit(_text[_at + 2]) && char.IsAsciiHexDigit(_text[_at + 3]):
                Take(4);
                break;
            case 'p' or 'P' when _at + 2 < _text.Length:
                UnicodeClass();
                break;
            case < (char)128 when !char.IsAsciiLetterOrDigit(letter):
                Take(2);
                break;
            default:
                Refuse($"invalid escape sequence: `\\{letter}`");
                break;
        }
    }

    private void UnicodeClass()
    {
        if (_text[_at + 2] != '{')
            Take(3, $"\\{_text[_at + 1]}{{{_text[_at + 2]}}}");
        else if (_text.IndexOf('}', _at) is var end and > 0)
            Take(end + 1 - _at);
        else
            Refuse($"invalid character class range: `{_text[_at..]}`");
    }

    private static string Members(char letter) =>
        letter switch
        {
            'd' => "0-9",
            'w' => "0-9A-Za-z_",
            _ => @"\t\n\f\r ",
        };
}
