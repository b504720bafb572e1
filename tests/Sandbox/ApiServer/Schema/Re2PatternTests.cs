using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer.Schema;

/// <summary>Patterns mean to .NET what they mean to RE2, or they are refused.</summary>
public sealed class Re2PatternTests
{
    [Theory]
    [InlineData("^a$", "a\n", false)]
    [InlineData("^a$", "a", true)]
    [InlineData(@"^\d$", "٣", false)]
    [InlineData(@"^\w$", "ä", false)]
    [InlineData(@"^[\w-]+$", "a-b_1", true)]
    [InlineData(@"^\D$", "x", true)]
    [InlineData("^[a-z-[aeiou]]$", "b]", true)]
    [InlineData("^[]a]$", "]", true)]
    [InlineData("^[[:xdigit:]]{4}$", "3bAf", true)]
    [InlineData("^[^[:space:]]$", " ", false)]
    [InlineData("(?i)^VFIO$", "vfio", true)]
    [InlineData("^(?P<x>a)(?:b)$", "ab", true)]
    [InlineData("^a{2,}$", "aaa", true)]
    [InlineData("^a{,2}$", "a{,2}", true)]
    [InlineData(@"^\pL$", "é", true)]
    [InlineData(@"^a\.b\/c$", "a.b/c", true)]
    [InlineData("b", "abc", true)]
    public void A_pattern_meets_what_RE2_says_it_meets(string pattern, string text, bool matches)
    {
        Assert.True(Re2Pattern.TryParse(pattern, out var parsed, out var error), error);
        Assert.Equal(matches, parsed.IsMatch(text));
    }

    [Theory]
    [InlineData("a(?=b)", "invalid or unsupported Perl syntax: `(?=`")]
    [InlineData("a(?!b)", "invalid or unsupported Perl syntax: `(?!`")]
    [InlineData("(?<=a)b", "invalid or unsupported Perl syntax: `(?<`")]
    [InlineData("(?>a)", "invalid or unsupported Perl syntax: `(?>`")]
    [InlineData(@"(a)\1", @"invalid escape sequence: `\1`")]
    [InlineData(@"a\Z", @"invalid escape sequence: `\Z`")]
    [InlineData("a{1001}", "invalid repeat count: `{1001}`")]
    [InlineData("[a", "missing closing ]: `[a`")]
    [InlineData("[[:letter:]]", "invalid character class range: `[:letter:]`")]
    public void What_RE2_does_not_know_is_refused_in_its_words(string pattern, string error)
    {
        Assert.False(Re2Pattern.TryParse(pattern, out _, out var found));
        Assert.Equal($"error parsing regexp: {error}", found);
    }
}
