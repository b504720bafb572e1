using System.Text;

namespace Hostdev.Tests.Docs;

/// <summary>
/// The commands of a piece of shell, as far as pages write it: words with quotes, continued lines, comments, lists and pipes, command
/// substitution, here-documents. What a variable holds is not known.
/// </summary>
internal sealed class ShellText
{
    private static readonly string[] s_leading =
    [
        "do",
        "then",
        "else",
        "if",
        "while",
        "until",
        "!",
        "{",
        "sudo",
        "exec",
        "time",
        "watch",
        "env",
    ];

    private readonly List<(int, string[])> _commands = [];
    private readonly List<string> _words = [];
    private readonly StringBuilder _word = new();
    private bool _inWord;
    private int _line;

    /// <returns>Each command's words, without what stands before the program's name, and its line, from 0.</returns>
    public static IEnumerable<(int Line, string[] Words)> Commands(string text)
    {
        var shell = new ShellText();
        shell.Read(text);
        return shell._commands;
    }

    private void Read(string text)
    {
        var line = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var next = i + 1 < text.Length ? text[i + 1] : '\0';
            switch (text[i])
            {
                case '\\' when next == '\n':
                    (i, line) = (i + 1, line + 1);
                    EndWord();
                    break;
                case '\\':
                    Add(next, line);
                    i++;
                    break;
                case '\'' or '"':
                    var (quote, begin) = (text[i], i + 1);
                    for (i = begin; i < text.Length && text[i] != quote; i++)
                        line += text[i] == '\n' ? 1 : 0;
                    Add(text.AsSpan(begin, Math.Min(i, text.Length) - begin), line);
                    break;
                case '#' when !_inWord:
                    i = Math.Max(i, text.IndexOf('\n', i) is var end && end < 0 ? text.Length : end - 1);
                    break;
                case '<' when next == '<':
                    EndWord();
                    i = SkipDocument(text, i, ref line);
                    break;
                case '<' or '>':
                    EndWord();
                    _words.Add(text[i].ToString());
                    break;
                case '$' when next == '(':
                    EndCommand();
                    i++;
                    break;
                case '\n' or ';' or '|' or '&' or '(' or ')' or '`':
                    EndCommand();
                    line += text[i] == '\n' ? 1 : 0;
                    break;
                case ' ' or '\t':
                    EndWord();
                    break;
                default:
                    Add(text[i], line);
                    break;
            }
        }

        EndCommand();
    }

    private void Add(char character, int line) => Add([character], line);

    private void Add(ReadOnlySpan<char> characters, int line)
    {
        if (_words.Count == 0 && !_inWord)
            _line = line;
        _word.Append(characters);
        _inWord = true;
    }

    private void EndWord()
    {
        if (_inWord)
            _words.Add(_word.ToString());
        _word.Clear();
        _inWord = false;
    }

    private void EndCommand()
    {
        EndWord();
        var skipped = 0;
        while (skipped < _words.Count && (s_leading.Contains(_words[skipped]) || IsAssignment(_words[skipped])))
            skipped++;
        if (_words.IndexOf(">") is var at and >= 0 || (at = _words.IndexOf("<")) >= 0)
            _words.RemoveRange(at, Math.Min(2, _words.Count - at));
        if (skipped < _words.Count)
            _commands.Add((_line, [.. _words.Skip(skipped)]));
        _words.Clear();
    }

    private static bool IsAssignment(string word) =>
        word.Split('=') is [{ Length: > 0 } name, _, ..] && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    /// <returns>Where the last line of the here-document ends.</returns>
    private static int SkipDocument(string text, int at, ref int line)
    {
        var end = new string([.. text[(at + 2)..].SkipWhile(c => c is '-' or '\'' or '"').TakeWhile(char.IsAsciiLetterOrDigit)]);
        var lines = text[at..].Split('\n');
        var length = lines[0].Length;
        for (var i = 1; i < lines.Length; i++)
        {
            line++;
            length += 1 + lines[i].Length;
            if (lines[i].Trim() == end)
                break;
        }

        return at + length - 1;
    }
}
