using Hostdev.Crds.Parsing;
using Xunit;

namespace Hostdev.Tests.Crds;

public sealed class BoundedTextTests
{
    [Theory]
    [InlineData("abcd", 4, "abcd")]
    [InlineData("abcde", 4, "abc…")]
    [InlineData("🖧🖧b🖧", 4, "🖧🖧b🖧")]
    [InlineData("🖧🖧🖧🖧🖧", 4, "🖧🖧🖧…")]
    [InlineData("ab", 1, "…")]
    public void Code_points_are_counted_and_none_is_split(string text, int most, string cut) =>
        Assert.Equal(cut, BoundedText.Cut(text, most));
}
