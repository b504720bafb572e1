using Hostdev.Crds;
using Hostdev.DevicePlugin.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>Whose a name is before we register it, and what ends that.</summary>
public sealed class NameOwnerTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    private static readonly KubeletTimings Timings = new();
    private static readonly NameSigns Lists = new() { Listed = ["GPU-1"], Others = ["nvidia-gpu.sock"] };
    private static readonly NameSigns Says = new() { Named = ["kubevirt-example.com-gpu.sock"] };
    private static readonly NameSigns Dead = new() { Listed = ["GPU-1"] };
    private static readonly NameSigns Held = new() { Held = [("GPU-1", "pod vms/vm")] };

    [Fact]
    public void A_name_of_which_nothing_shows_is_free() => Assert.False(Look(NameOwner.Nobody, NameSigns.None).IsAnothers);

    [Fact]
    public void Other_plugins_that_answer_take_no_name_that_only_we_listed() =>
        Assert.False(Look(NameOwner.Nobody, new NameSigns { Others = ["rdma.sock"] }).IsAnothers);

    [Fact]
    public void What_somebody_lists_and_somebody_answers_for_is_another_s() =>
        Another(
            Look(NameOwner.Nobody, Lists),
            "example.com/gpu is another device plugin's on this node: the kubelet has GPU-1 under it, which this agent never listed, and a "
                + "socket of another plugin in /plugins (nvidia-gpu.sock) answers. So it is not registered: remove that plugin, or use "
                + "another resourceName. It is registered when nobody has answered there for 60 s"
        );

    [Fact]
    public void A_socket_that_says_the_name_is_enough_and_of_KubeVirt_s_it_is_said_what_removes_it() =>
        Another(
            Look(NameOwner.Nobody, Says),
            "example.com/gpu is another device plugin's on this node: a socket in /plugins whose name says this resource "
                + "(kubevirt-example.com-gpu.sock) answers. So it is not registered: remove that plugin (KubeVirt's own goes with "
                + "externalResourceProvider: true on that entry of permittedHostDevices, Harvester's with its PCIDeviceClaim), or use "
                + "another resourceName. It is registered when nobody has answered there for 60 s"
        );

    [Fact]
    public void A_pod_that_has_something_of_it_keeps_it_until_no_pod_has()
    {
        var owner = Look(NameOwner.Nobody, Held);
        Another(
            owner,
            "example.com/gpu is another device plugin's on this node: pod vms/vm has GPU-1 of it, which this agent never listed. So it is "
                + "not registered: remove that plugin, or use another resourceName. It is registered when no pod has such a device any more"
        );
        Assert.True(owner.WaitsForLook);
        Assert.False(Look(owner, NameSigns.None, 1).IsAnothers);
    }

    [Fact]
    public void What_the_checkpoint_keeps_of_a_plugin_that_is_gone_holds_up_nothing() =>
        Assert.False(Look(NameOwner.Nobody, Dead).IsAnothers);

    [Fact]
    public void After_a_kubelet_s_start_which_deletes_every_socket_it_is_waited_for_whoever_listed_it()
    {
        var owner = Look(NameOwner.Nobody, Dead, 30, kubeletSince: 0);
        Another(
            owner,
            "example.com/gpu is another device plugin's on this node: the kubelet has GPU-1 under it, which this agent never listed, and "
                + "this kubelet, which deletes all sockets when it starts, was started less than 60 s ago. So it is not registered: "
                + "remove that plugin, or use another resourceName. It is registered when no other plugin answers 60 s after that"
        );
        Assert.Equal(Noon.AddSeconds(60), owner.FreeAt);
        Assert.False(Look(owner, Dead, 60, kubeletSince: 0).IsAnothers);
    }

    /// <summary>A plugin is restarted, or the kubelet: its socket is gone for a moment, and soon what it listed too.</summary>
    [Fact]
    public void A_plugin_that_is_silent_for_a_moment_keeps_its_name()
    {
        foreach (var answer in new[] { Lists, Says })
        {
            var owner = Look(Look(NameOwner.Nobody, answer), NameSigns.None, 59);
            Assert.True(owner.IsAnothers);
            Assert.Equal(Noon.AddSeconds(60), owner.FreeAt);
            Assert.Contains(" answered less than 60 s ago. ", Words(owner), StringComparison.Ordinal);
            Assert.True(Look(Look(owner, answer, 59.5), NameSigns.None, 100).IsAnothers);
            Assert.False(Look(owner, NameSigns.None, 60).IsAnothers);
        }
    }

    [Fact]
    public void What_was_found_out_to_be_ours_is_ours_at_once()
    {
        var owner = Look(NameOwner.Nobody, Lists);

        Assert.False(Look(owner, NameSigns.None, 1, isOurs: _ => true).IsAnothers);
        Assert.True(Look(Look(NameOwner.Nobody, Says), NameSigns.None, 1, isOurs: _ => true).IsAnothers);
    }

    [Fact]
    public void While_it_cannot_be_said_nothing_is_said_and_a_look_is_asked_for()
    {
        var owner = Look(NameOwner.Nobody, Lists with { IsEarly = true });

        Assert.Equal((false, true, true), (owner.IsAnothers, owner.IsOpen, owner.WaitsForLook));
        Assert.False(Look(owner, NameSigns.None, 1).IsOpen);
    }

    private static NameOwner Look(
        NameOwner owner,
        NameSigns signs,
        double second = 0,
        double kubeletSince = -3600,
        Func<string, bool>? isOurs = null
    ) => owner.Look(signs, Noon.AddSeconds(kubeletSince), isOurs ?? (_ => false), Noon.AddSeconds(second), Timings);

    private static string Words(NameOwner owner) => owner.Words(ResourceName.Parse("example.com/gpu"), "/plugins", Timings);

    private static void Another(NameOwner owner, string words)
    {
        Assert.True(owner.IsAnothers);
        Assert.Equal(words, Words(owner));
    }
}
