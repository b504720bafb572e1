using System.Text;

namespace Hostdev.Kube.Meta;

/// <summary>
/// What a program writes to its terminal, made printable (<see cref="PrintableText"/>) whoever wrote it and wherever it came from: a
/// program puts its standard output and error in here before it does anything else.
/// </summary>
public sealed class PrintableWriter(TextWriter terminal) : TextWriter(terminal.FormatProvider)
{
    private char _half;

    public override Encoding Encoding => terminal.Encoding;

    /// <summary>For all output and all errors of this process, and whatever logs to its console from now on.</summary>
    public static void TakeConsole()
    {
        Console.SetOut(new PrintableWriter(Console.Out));
        Console.SetError(new PrintableWriter(Console.Error));
    }

    /// <summary>The first half of a pair waits for the second.</summary>
    public override void Write(char value)
    {
        if (char.IsHighSurrogate(value) && _half == 0)
        {
            _half = value;
            return;
        }

        var text = _half == 0 ? value.ToString() : $"{_half}{value}";
        _half = default;
        terminal.Write(PrintableText.Lines(text));
    }

    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    public override void Write(ReadOnlySpan<char> buffer) => Write(buffer.ToString());

    public override void Write(string? value)
    {
        if (string.IsNullOrEmpty(value))
            return;
        if (_half != 0 || char.IsHighSurrogate(value[^1]))
        {
            foreach (var unit in value)
                Write(unit);
            return;
        }

        terminal.Write(PrintableText.Lines(value));
    }

    public override void WriteLine(string? value)
    {
        Write(value);
        terminal.WriteLine();
    }

    public override void Flush() => terminal.Flush();
}
