using Hostdev.Crds;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

public sealed class PurposeTests
{
    /// <summary>Files of state have these texts.</summary>
    [Theory]
    [InlineData("take 0000:43:00.0", PurposeVerb.Take)]
    [InlineData("vfs 10000:41:00.0", PurposeVerb.Vfs)]
    [InlineData("prepare 0000:41:00.0", PurposeVerb.Prepare)]
    [InlineData("set 0000:41:10.0", PurposeVerb.Set)]
    [InlineData("reset 0000:01:00.0/1.4", PurposeVerb.Reset)]
    [InlineData("release 6ba7b810-9dad-81d1-80b4-00c04fd430c8", PurposeVerb.Release)]
    public void Has_one_text_and_one_parser(string text, PurposeVerb verb)
    {
        var purpose = Purpose.Parse(text);

        Assert.Equal(new Purpose(verb, DeviceId.Parse(text.Split(' ')[1])), purpose);
        Assert.Equal(text, purpose.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("take")]
    [InlineData("Take 0000:43:00.0")]
    [InlineData("make 0000:43:00.0")]
    [InlineData("take 43:00.0")]
    [InlineData("take 0000:43:00.0 again")]
    public void Everything_else_is_refused_with_the_form(string text) =>
        Assert.Equal(
            $"\"{text}\" is no purpose: release, reset, take, vfs, prepare, set and a device, for example take 0000:3b:00.0",
            Assert.Throws<FormatException>(() => Purpose.Parse(text)).Message
        );

    [Fact]
    public void They_are_ordered_by_verb_and_then_by_device() =>
        Assert.Equal(
            ["release 0000:43:00.0", "take 0000:43:00.0", "take 0000:44:00.0", "take 10000:01:00.0", "vfs 0000:41:00.0"],
            new[] { "vfs 0000:41:00.0", "take 10000:01:00.0", "take 0000:44:00.0", "take 0000:43:00.0", "release 0000:43:00.0" }
                .Select(Purpose.Parse)
                .Order()
                .Select(p => p.ToString())
        );
}
