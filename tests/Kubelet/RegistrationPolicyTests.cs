using Hostdev.DevicePlugin.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

public sealed class RegistrationPolicyTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Registered and watched.</summary>
    private static readonly RegistrationFacts Good = new()
    {
        Kubelet = new SocketFile(7),
        RegisteredWith = new SocketFile(7),
        SocketPresent = true,
        StreamLive = true,
        StreamSeen = true,
    };

    [Fact]
    public void Nothing_is_done_while_all_is_well() => Assert.Equal(new RegistrationStep.Wait(null), RegistrationPolicy.Decide(Good, Noon));

    [Fact]
    public void Nothing_is_done_without_a_kubelet() =>
        Assert.Equal(new RegistrationStep.Wait(null), RegistrationPolicy.Decide(Good with { Kubelet = null, StreamLive = false }, Noon));

    [Fact]
    public void A_new_kubelet_is_registered_with_though_an_old_stream_still_lives() =>
        AssertRegisters(Good with { Kubelet = new SocketFile(8) });

    [Fact]
    public void A_deleted_socket_of_ours_is_registered_again_though_the_stream_lives() =>
        AssertRegisters(Good with { SocketPresent = false });

    [Fact]
    public void A_lost_stream_is_registered_again() => AssertRegisters(Good with { StreamLive = false });

    [Fact]
    public void A_stream_that_never_came_is_waited_for_until_it_is_due()
    {
        var facts = Good with { StreamLive = false, StreamSeen = false, StreamDue = Noon.AddSeconds(1) };

        Assert.Equal(new RegistrationStep.Wait(Noon.AddSeconds(1)), RegistrationPolicy.Decide(facts, Noon));
        Assert.IsType<RegistrationStep.Register>(RegistrationPolicy.Decide(facts, Noon.AddSeconds(1)));
    }

    [Fact]
    public void Failures_are_not_repeated_before_their_time() =>
        Assert.Equal(
            new RegistrationStep.Wait(Noon.AddSeconds(3)),
            RegistrationPolicy.Decide(Good with { StreamLive = false, NotBefore = Noon.AddSeconds(3) }, Noon)
        );

    [Fact]
    public void A_name_that_the_kubelet_gave_to_another_plugin_is_registered_again_though_our_stream_lives() =>
        AssertRegisters(Good with { Displaced = true });

    [Fact]
    public void A_contested_name_is_left_alone_for_its_time_and_until_another_kubelet_comes()
    {
        var facts = Good with { StreamLive = false, ContestedUntil = Noon.AddMinutes(10) };

        Assert.Equal(new RegistrationStep.Wait(Noon.AddMinutes(10)), RegistrationPolicy.Decide(facts, Noon));
        AssertRegisters(facts with { Kubelet = new SocketFile(8) });
    }

    private static void AssertRegisters(RegistrationFacts facts) =>
        Assert.IsType<RegistrationStep.Register>(RegistrationPolicy.Decide(facts, Noon));
}
