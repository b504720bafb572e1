using Hostdev.Crds;
using Xunit;

namespace Hostdev.Tests.Crds;

public sealed class MacAddressTests
{
    [Theory]
    [InlineData("52:54:00:12:34:56")]
    [InlineData("00:00:00:00:00:01")]
    [InlineData("fe:ff:ff:ff:ff:ff")]
    public void The_full_form_is_read_and_written_back(string text)
    {
        Assert.True(MacAddress.TryParse(text, out var address));
        Assert.Equal(text, address.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("52:54:00:12:34")]
    [InlineData("52:54:00:12:34:56:78")]
    [InlineData("52:54:00:12:34:5G")]
    [InlineData("52:54:0:12:34:56")]
    [InlineData("52-54-00-12-34-56")]
    [InlineData("52:54:00:AA:34:56")]
    [InlineData("01:00:5e:00:00:01")] // of a group
    [InlineData("ff:ff:ff:ff:ff:ff")]
    [InlineData("00:00:00:00:00:00")]
    public void Anything_else_is_refused(string? text) => Assert.False(MacAddress.TryParse(text, out _));

    [Fact]
    public void A_refusal_says_what_to_write() =>
        Assert.Equal(
            "\"eth0\" is no address of one interface: write six bytes in hexadecimal, in lower case and quotes, "
                + "for example \"52:54:00:12:34:56\"",
            Assert.Throws<FormatException>(() => MacAddress.Parse("eth0")).Message
        );
}
