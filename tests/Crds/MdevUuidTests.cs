using Hostdev.Crds;
using Xunit;

namespace Hostdev.Tests.Crds;

public sealed class MdevUuidTests
{
    [Fact]
    public void The_same_parts_give_the_same_UUID_of_version_8_with_Hostdev_s_prefix()
    {
        var uuid = MdevUuid.Made("uid", "0000:41:00.0", "nvidia-105", "0");
        Assert.Equal(uuid, MdevUuid.Made("uid", "0000:41:00.0", "nvidia-105", "0"));
        Assert.Matches("^686f7374-6465-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", uuid.ToString());
        Assert.True(uuid.IsHostdevs);
        Assert.Equal(
            10_000,
            Enumerable.Range(0, 10_000).Select(i => MdevUuid.Made("uid", "card", $"type-{i % 100}", $"{i / 100}")).Distinct().Count()
        );
    }

    [Theory]
    [InlineData("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001")]
    [InlineData("686f7374-6465-4123-8abc-0123456789ab")] // our bytes by chance, in a random one
    [InlineData("686f7374-6466-8123-8abc-0123456789ab")]
    public void Others_are_not_taken_for_Hostdev_s(string text) => Assert.False(MdevUuid.Parse(text).IsHostdevs);
}
