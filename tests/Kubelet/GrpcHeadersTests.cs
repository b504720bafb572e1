using Hostdev.DevicePlugin.Kubelet.Grpc;
using Xunit;

namespace Hostdev.Tests.Kubelet;

public sealed class GrpcHeadersTests
{
    [Theory]
    [InlineData("plain text, with ~ signs", "plain text, with ~ signs")]
    [InlineData("100%", "100%25")]
    [InlineData("é\n", "%C3%A9%0A")]
    public void A_message_is_percent_encoded_and_comes_back(string message, string encoded)
    {
        Assert.Equal(encoded, GrpcHeaders.EncodeMessage(message));
        Assert.Equal(message, GrpcHeaders.DecodeMessage(encoded));
    }

    [Theory]
    [InlineData("1H", 3_600_000)]
    [InlineData("2M", 120_000)]
    [InlineData("3S", 3000)]
    [InlineData("100m", 100)]
    [InlineData("5000u", 5)]
    [InlineData("7000000n", 7)]
    public void A_timeout_has_a_unit(string text, int milliseconds) => Assert.Equal(milliseconds, GrpcHeaders.ParseTimeout(text)!.Value.TotalMilliseconds);

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("-1S")]
    [InlineData("123456789S")]
    [InlineData("1x")]
    public void What_is_no_timeout_is_none(string text) => Assert.Null(GrpcHeaders.ParseTimeout(text));

    [Fact]
    public void A_timeout_is_written_in_at_most_eight_digits()
    {
        Assert.Equal("1500m", GrpcHeaders.FormatTimeout(TimeSpan.FromSeconds(1.5)));
        Assert.Equal("1m", GrpcHeaders.FormatTimeout(TimeSpan.Zero));
        Assert.Equal("31536000S", GrpcHeaders.FormatTimeout(TimeSpan.FromDays(365)));
    }

    [Theory]
    [InlineData("application/grpc", true)]
    [InlineData("application/grpc+proto", true)]
    [InlineData("application/grpc-web", false)]
    [InlineData("text/plain", false)]
    [InlineData(null, false)]
    public void Only_gRPC_is_gRPC(string? contentType, bool expected) => Assert.Equal(expected, GrpcHeaders.IsGrpc(contentType));
}
