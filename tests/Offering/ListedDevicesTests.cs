using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Offering;
using Xunit;

namespace Hostdev.Tests.Offering;

/// <summary>What an agent knows of what it has listed to the kubelet.</summary>
public sealed class ListedDevicesTests
{
    private static readonly ResourceName Gpu = ResourceName.Parse("example.com/gpu");
    private static readonly ImmutableArray<AdvertisedResource> WantsA = [new(Gpu, [new("a", true, null)])];

    private readonly List<ListedIds> _kept = [];

    [Fact]
    public void What_is_new_is_kept_before_it_counts_and_what_is_not_is_kept_once()
    {
        var listed = new ListedDevices(ListedIds.None, _kept.Add);
        listed.Add(Gpu, ["b", "a"]);
        listed.Add(Gpu, ["a"]);
        listed.Add(ResourceName.Parse("example.com/nic"), []);

        Assert.True(listed.Has(Gpu, "a"));
        Assert.False(listed.Has(ResourceName.Parse("example.com/nic"), "a"));
        Assert.Equal([("example.com/gpu", "a"), ("example.com/gpu", "b")], Assert.Single(_kept).All);
    }

    [Fact]
    public void What_cannot_be_kept_does_not_count()
    {
        var listed = new ListedDevices(ListedIds.None, _ => throw new IOException("no space left"));

        Assert.Throws<IOException>(() => listed.Add(Gpu, ["a"]));
        Assert.False(listed.Has(Gpu, "a"));
    }

    [Fact]
    public void Without_what_a_version_before_kept_what_it_listed_is_what_we_want_or_have_taken()
    {
        var listed = new ListedDevices(null, _kept.Add, id => id == "taken");
        Assert.False(listed.IsKnown);
        Assert.True(listed.Has(Gpu, "taken"));

        listed.Begin(() => Shown("a", "taken", "foreign"), WantsA);

        Assert.True(listed.IsKnown);
        Assert.Equal(["a", "taken"], Assert.Single(_kept).All.Select(l => l.Id));
        Assert.False(listed.Has(Gpu, "foreign"));
        listed.Begin(() => Shown("foreign"), [new(Gpu, [new("foreign", true, null)])]); // known once and for all
        Assert.False(listed.Has(Gpu, "foreign"));
    }

    [Fact]
    public void Where_no_agent_ran_before_nothing_is_ours_though_another_plugin_lists_the_very_IDs_that_we_want()
    {
        var listed = new ListedDevices(ListedIds.None, _kept.Add);
        listed.Begin(() => Shown("a"), WantsA);

        Assert.False(listed.Has(Gpu, "a"));
        Assert.Empty(_kept);
    }

    [Fact]
    public void What_the_kubelet_shows_no_more_and_nobody_wants_is_forgotten_unless_it_cannot_be_read()
    {
        var kept = ListedIds.Of([(Gpu.Value, "a"), (Gpu.Value, "gone"), (Gpu.Value, "shown")]);
        var listed = new ListedDevices(kept, _kept.Add);
        listed.Begin(() => Shown("shown"), WantsA);
        Assert.Equal(["a", "shown"], Assert.Single(_kept).All.Select(l => l.Id));

        new ListedDevices(kept, _kept.Add).Begin(() => null, WantsA);
        Assert.Single(_kept);
    }

    [Fact]
    public void What_a_version_that_keeps_nothing_took_meanwhile_counts_too()
    {
        var listed = new ListedDevices(ListedIds.Of([(Gpu.Value, "a")]), _kept.Add, id => id == "taken");

        Assert.True(listed.Has(Gpu, "taken"));
    }

    private static ImmutableHashSet<(string, string)> Shown(params string[] ids) => [.. ids.Select(id => (Gpu.Value, id))];
}
