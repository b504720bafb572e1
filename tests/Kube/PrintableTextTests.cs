using Hostdev.Kube.Meta;
using Xunit;

namespace Hostdev.Tests.Kube;

public sealed class PrintableTextTests
{
    [Theory]
    [InlineData("0000:43:00.0 is in use", "0000:43:00.0 is in use")]
    [InlineData("Gerät für München, 日本, 🙂", "Gerät für München, 日本, 🙂")]
    [InlineData("\u001b[2J\u001b[31mgone", "\\u001b[2J\\u001b[31mgone")]
    [InlineData("a\nBlocked: b\r\n\tc\r", "a\\nBlocked: b\\r\\n\\tc\\r")]
    [InlineData("bell \a, DEL \u007f, CSI \u009b31m", "bell \\u0007, DEL \\u007f, CSI \\u009b31m")]
    [InlineData("\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066")]
    [InlineData("a\u200bb\ufeffc\u2028d\u2029e\u00adf", "a\\u200bb\\ufeffc\\u2028d\\u2029e\\u00adf")]
    [InlineData("\U000e0041 a tag", "\\udb40\\udc41 a tag")]
    public void What_would_steer_a_terminal_is_seen_in_place_of_being_done(string text, string shown)
    {
        Assert.Equal(shown, PrintableText.Of(text));
        Assert.Equal(shown, PrintableText.Of(shown)); // printable already
    }

    [Fact]
    public void Half_a_pair_is_none() => Assert.Equal("half \\ud83d of a pair", PrintableText.Of("half \ud83d of a pair"));

    [Fact]
    public void Lines_stay_lines_where_they_are_wanted() =>
        Assert.Equal("a\nb\r\nc\\rd\\u001b\n", PrintableText.Lines("a\nb\r\nc\rd\u001b\n"));

    [Fact]
    public void A_writer_makes_all_that_goes_through_it_printable_however_it_is_cut()
    {
        using var terminal = new StringWriter { NewLine = "\n" };
        using var writer = new PrintableWriter(terminal);
        writer.Write("a\u001b");
        foreach (var unit in "🙂\u009b")
            writer.Write(unit);
        writer.Write("\ud83d");
        writer.Write("\ude42");
        writer.WriteLine("\u202e");
        writer.Write("x\ny".AsSpan());
        writer.Flush();
        Assert.Equal("a\\u001b🙂\\u009b🙂\\u202e\nx\ny", terminal.ToString());
    }
}
