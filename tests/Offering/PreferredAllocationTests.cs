using System.Collections.Immutable;
using Hostdev.DevicePlugin.Offering;
using Xunit;

namespace Hostdev.Tests.Offering;

public sealed class PreferredAllocationTests
{
    // Root port 00, below it switch 10 with a to d and switch 20 with e and f; root port 40 with g; all on node 0. Root port 80 with h on
    // node 1; z is unknown.
    private static readonly ImmutableDictionary<string, CatalogUnit> Machine = ImmutableDictionary.CreateRange([
        Units.At("a", 0, "0000:00:01.0", "0000:10:00.0", "0000:11:00.0"),
        Units.At("b", 0, "0000:00:01.0", "0000:10:00.0", "0000:11:01.0"),
        Units.At("c", 0, "0000:00:01.0", "0000:10:00.0", "0000:11:02.0"),
        Units.At("d", 0, "0000:00:01.0", "0000:10:00.0", "0000:11:03.0"),
        Units.At("e", 0, "0000:00:01.0", "0000:20:00.0", "0000:21:00.0"),
        Units.At("f", 0, "0000:00:01.0", "0000:20:00.0", "0000:21:01.0"),
        Units.At("g", 0, "0000:40:01.0"),
        Units.At("h", 1, "0000:80:01.0"),
    ]);

    [Theory]
    [InlineData("abcdefgh", "", 2, "ef")] // the switch that has just enough, so that four still find a place
    [InlineData("abcdefgh", "", 3, "abc")]
    [InlineData("abcdefgh", "", 4, "abcd")]
    [InlineData("abcdefgh", "", 6, "abcdef")] // one root port
    [InlineData("abcdefgh", "", 7, "abcdefg")] // one node
    [InlineData("abcdefgh", "", 8, "abcdefgh")]
    [InlineData("aeg", "", 2, "ae")] // the root port when no switch has two
    [InlineData("agh", "", 2, "ag")] // the node when no root port has two
    [InlineData("abcdefgh", "a", 2, "ab")] // beside the one that must be in
    [InlineData("abcdefgh", "g", 2, "ge")] // only the node has both: from the switch that loses least
    [InlineData("abcdefgh", "h", 2, "hg")] // nothing is near: the one that stands alone
    [InlineData("abcdefgh", "fa", 3, "fab")]
    [InlineData("ab", "", 4, "ab")] // fewer when there are fewer
    [InlineData("ab", "c", 2, "ca")] // what must be in is taken though it is not listed
    [InlineData("abc", "cba", 2, "cb")]
    [InlineData("abcdefgh", "", 0, "")]
    public void The_nearest_place_that_has_enough_is_taken(string available, string must, int size, string chosen) =>
        Assert.Equal(
            chosen.Select(c => c.ToString()),
            PreferredAllocation.Choose(Machine, [.. available.Select(c => c.ToString())], [.. must.Select(c => c.ToString())], size)
        );

    [Fact]
    public void Unknown_devices_are_far_from_everything() =>
        Assert.Equal(["a", "e"], PreferredAllocation.Choose(Machine, ["x", "a", "y", "e"], [], 2));

    [Fact]
    public void Order_and_repetition_of_what_is_available_do_not_matter() =>
        Assert.Equal(
            PreferredAllocation.Choose(Machine, ["a", "b", "e", "f"], [], 2),
            PreferredAllocation.Choose(Machine, ["f", "e", "b", "a", "f"], [], 2)
        );

    [Fact]
    public void On_a_root_bus_the_node_decides()
    {
        var flat = ImmutableDictionary.CreateRange([
            Units.At("a", 0),
            Units.At("b", 1),
            Units.At("c", 0),
            Units.At("d", 1),
            Units.At("e", 1),
        ]);

        Assert.Equal(["a", "c"], PreferredAllocation.Choose(flat, ["a", "b", "c", "d", "e"], [], 2));
        Assert.Equal(["b", "d", "e"], PreferredAllocation.Choose(flat, ["a", "b", "c", "d", "e"], [], 3));
    }
}
