using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Hostdev.Crds.Parsing;
using Xunit;

namespace Hostdev.Tests.Crds;

public sealed class YamlJsonTests
{
    [Theory]
    [InlineData("a: 5", """{"a":5}""")]
    [InlineData("a: -5", """{"a":-5}""")]
    [InlineData("a: 0660", """{"a":660}""")]
    [InlineData("a: 1.5", """{"a":1.5}""")]
    [InlineData("a: 1e3", """{"a":1000}""")]
    [InlineData("a: true", """{"a":true}""")]
    [InlineData("a: False", """{"a":false}""")]
    [InlineData("a: yes", """{"a":"yes"}""")]
    [InlineData("a: on", """{"a":"on"}""")]
    [InlineData("a: ~", """{"a":null}""")]
    [InlineData("a: null", """{"a":null}""")]
    [InlineData("a:", """{"a":null}""")]
    [InlineData("a: 10de", """{"a":"10de"}""")]
    [InlineData("a: 0x1f", """{"a":"0x1f"}""")]
    [InlineData("a: .inf", """{"a":".inf"}""")]
    [InlineData("a: 99999999999999999999", """{"a":1E+20}""")]
    [InlineData("a: 0000:3b:00.0", """{"a":"0000:3b:00.0"}""")]
    [InlineData("a: \"5\"", """{"a":"5"}""")]
    [InlineData("a: '5'", """{"a":"5"}""")]
    [InlineData("a: |\n  5\n", """{"a":"5\n"}""")]
    [InlineData("a: \"null\"", """{"a":"null"}""")]
    [InlineData("[1, [2, {b: c}]]", """[1,[2,{"b":"c"}]]""")]
    [InlineData("""{"a": {"b": [1, "2", null, true]}}""", """{"a":{"b":[1,"2",null,true]}}""")]
    [InlineData("---\na: 1\n", """{"a":1}""")]
    [InlineData("x: &n {b: 1}\ny: *n\n", """{"x":{"b":1},"y":{"b":1}}""")]
    public void Scalars_and_structures_are_as_the_core_schema_has_them(string yaml, string json)
    {
        var node = YamlJson.Parse(yaml, out var error);

        Assert.Equal("", error);
        Assert.Equal(json, node!.ToJsonString());
    }

    [Theory]
    [InlineData("a: 1\na: 2\n")]
    [InlineData("a: 1\n\"a\": 2\n")]
    [InlineData("""{"a": 1, "a": 2}""")]
    [InlineData("x:\n  a: 1\n  'a': 2\n")]
    public void A_key_that_stands_there_twice_is_an_error_with_its_line(string yaml)
    {
        Assert.Null(YamlJson.Parse(yaml, out var error));
        Assert.StartsWith("line ", error, StringComparison.Ordinal);
        Assert.Contains("uplicate key", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a: [1, 2\nb: 3")]
    [InlineData("a: *nobody")]
    [InlineData("a:\n\t- b")]
    [InlineData("? [1, 2]\n: 3\n")]
    public void Broken_text_is_an_error_with_line_and_column(string yaml)
    {
        Assert.Null(YamlJson.Parse(yaml, out var error));
        Assert.Matches(@"^line \d+, column \d+: .+", error);
    }

    [Fact]
    public void A_text_without_a_value_is_an_error()
    {
        Assert.Null(YamlJson.Parse("# nothing\n", out var error));
        Assert.Equal("the text is empty", error);
        Assert.Null(YamlJson.Parse("~", out error));
        Assert.Equal("the text holds no value", error);
    }

    [Fact]
    public void Sixty_levels_are_read_and_more_are_refused()
    {
        Assert.NotNull(YamlJson.Parse(Nested(60), out _));
        Assert.Null(YamlJson.Parse(Nested(100), out var error));
        Assert.Contains("nested deeper than 64 levels", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hundred_thousand_levels_are_refused_like_a_hundred_and_do_not_end_the_process()
    {
        Assert.Null(YamlJson.Parse(Nested(100_000), out var error));
        Assert.Contains("nested deeper than 64 levels", error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_anchor_within_itself_is_refused()
    {
        Assert.Null(YamlJson.Parse("a: &a [*a]\n", out var error));
        Assert.NotEqual("", error);
    }

    [Fact]
    public void Anchors_that_multiply_beyond_measure_are_refused()
    {
        var yaml = new StringBuilder("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 9; i++)
            yaml.Append($"l{i}: &l{i} [{string.Join(", ", Enumerable.Repeat($"*l{i - 1}", 10))}]\n");

        Assert.Null(YamlJson.Parse(yaml.ToString(), out var error));
        Assert.Contains("too large", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Anchors_of_a_long_text_are_counted_wherever_they_are_used()
    {
        var yaml = $"a: &a \"{new string('x', 100_000)}\"\nb: [{string.Join(", ", Enumerable.Repeat("*a", 1000))}]\n";
        Assert.Null(YamlJson.Parse(yaml, out var error));
        Assert.Contains(
            "too large: more than 16777216 characters, anchors counted wherever they are used",
            error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void No_text_whatever_makes_it_throw()
    {
        var piece = Gen.Elements(
            "a",
            "b: ",
            "- ",
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            "?",
            "&x ",
            "*x",
            "|",
            ">",
            "'",
            "\"",
            "#",
            "\n",
            "\n  ",
            "\t",
            "!t ",
            "%",
            "@",
            "`",
            "\\",
            "5",
            "~",
            "---\n",
            "...",
            "\u0000",
            "\ud800",
            "<<: "
        );
        var text = piece.ArrayOf().Select(p => string.Concat(p));

        Prop.ForAll(
                Arb.From(text),
                t =>
                {
                    var node = YamlJson.Parse(t, out var error);
                    Assert.Equal(node is null, error.Length > 0);
                }
            )
            .Check(
                Config
                    .QuickThrowOnFailure.WithMaxTest(
                        int.TryParse(Environment.GetEnvironmentVariable("HOSTDEV_FSCHECK"), out var more) ? more : 200
                    )
                    .WithQuietOnSuccess(true)
            );
    }

    private static string Nested(int levels) => new string('[', levels) + new string(']', levels);
}
