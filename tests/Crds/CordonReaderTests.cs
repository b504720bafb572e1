using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Xunit;

namespace Hostdev.Tests.Crds;

/// <summary><c>spec.cordons</c>: what one entry gets wrong ends no other, and no policy.</summary>
public sealed class CordonReaderTests
{
    private static readonly DesiredCordon.OfDevice s_gpu = new(
        DeviceId.Parse("0000:43:00.0"),
        "fans",
        "ann",
        new DateTimeOffset(2027, 1, 2, 3, 4, 5, TimeSpan.Zero)
    );

    [Fact]
    public void An_entry_is_read_and_written_back()
    {
        var read = Read("""[{device: "0000:43:00.0", reason: fans, by: ann, since: "2027-01-02T03:04:05Z"}]""");
        Assert.Equal([s_gpu], read);
        Assert.Equal(
            """[{"device":"0000:43:00.0","reason":"fans","by":"ann","since":"2027-01-02T03:04:05Z"}]""",
            CordonReader.ToJson(read).ToJsonString()
        );
        Assert.Equal(" by ann since 2027-01-02T03:04:05Z: fans", s_gpu.Words);
        Assert.Equal("", new DesiredCordon.OfDevice(s_gpu.Device, "").Words);
        Assert.Empty(Read(null));
        Assert.Empty(Read("[]"));
    }

    [Theory]
    [InlineData("7", "spec.cordons[1]", "spec.cordons[1] must be a mapping with device and reason")]
    [InlineData(
        "{reason: x}",
        "spec.cordons[1].device",
        "spec.cordons[1].device is absent, which is no device, so that it keeps none back: write its ID as status.devices has it "
            + "(0000:3b:00.0)"
    )]
    [InlineData(
        "{device: gpu0, reason: x}",
        "spec.cordons[1].device",
        "spec.cordons[1].device is \"gpu0\", which is no device, so that it keeps none back: write its ID as status.devices has it "
            + "(0000:3b:00.0)"
    )]
    [InlineData(
        """{device: "0000:43:00.0", reason: again}""",
        "spec.cordons[1].device",
        "spec.cordons[1].device names 0000:43:00.0 a second time: the first entry counts; take one of them out"
    )]
    public void A_bad_entry_is_named_by_its_field_and_the_others_hold(string entry, string at, string message)
    {
        var read = Read($$"""[{device: "0000:43:00.0", reason: fans}, {{entry}}, {device: "0000:44:00.0", reason: fans}]""");
        Assert.Equal(["0000:43:00.0", "0000:44:00.0"], read.OfType<DesiredCordon.OfDevice>().Select(c => c.Device.ToString()));
        Assert.Equal([new DesiredCordon.NotUnderstood(at, message)], read.OfType<DesiredCordon.NotUnderstood>());
    }

    /// <summary>A later version's field does not let a VM have what an admin keeps back.</summary>
    [Fact]
    public void A_field_that_is_not_known_is_named_and_the_device_is_cordoned()
    {
        var read = Read("""[{device: "0000:43:00.0", reason: fans, until: tomorrow}]""");
        Assert.Equal(DeviceId.Parse("0000:43:00.0"), Assert.IsType<DesiredCordon.OfDevice>(read[0]).Device);
        Assert.Equal(
            new DesiredCordon.NotUnderstood(
                "spec.cordons[0].until",
                "spec.cordons[0].until: this version does not know the field, and 0000:43:00.0 is cordoned all the same: upgrade the "
                    + "agent, or correct the spelling"
            ),
            read[1]
        );
    }

    [Fact]
    public void What_is_no_list_ends_nothing_that_is_in_force()
    {
        var spec = NodeDeviceStateReader.Read("{policies: [], cordons: none}", out var error, cordoned: [s_gpu])!;
        Assert.Equal("", error);
        Assert.Equal(
            [
                s_gpu,
                new DesiredCordon.NotUnderstood(
                    "spec.cordons",
                    "spec.cordons must be a list of entries with device and reason: those that are in force stay"
                ),
            ],
            spec.Cordons
        );
        Assert.Empty(NodeDeviceStateReader.Read("{policies: []}", out _, cordoned: [s_gpu])!.Cordons);
    }

    private static List<DesiredCordon> Read(string? cordons) =>
        [.. NodeDeviceStateReader.Read($"policies: []\n{(cordons is null ? "" : $"cordons: {cordons}\n")}", out _)!.Cordons];
}
