using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Host.Netlink;
using Xunit;

namespace Hostdev.Tests.Host.Netlink;

/// <summary>Dumps as the kernel's netlink documentation describes them, and what goes wrong with them.</summary>
public sealed class NetlinkRequestsTests
{
    private const ushort GetLink = 18;
    private static readonly byte[] s_lo = Wire.Link(1, "lo");
    private static readonly byte[] s_eth0 = Wire.Link(2, "eth0");

    [Fact]
    public void A_dump_in_several_datagrams_is_one_answer()
    {
        var answer = Dump(s =>
            [new(Errno.None, Wire.Message(16, s, s_lo)), new(Errno.None, [.. Wire.Message(16, s, s_eth0), .. Wire.Done(s)])]
        );
        Assert.Equal((2, null), (answer.Messages.Length, answer.Complaint));
    }

    [Theory]
    [InlineData(true)] // on a part
    [InlineData(false)] // on the end
    public void A_table_that_changed_meanwhile_is_read_again(bool onPart)
    {
        const ushort interrupted = 2 | 0x10;
        var kernel = new ScriptedKernel()
            .On(
                GetLink,
                0,
                s =>
                    [
                        new(
                            Errno.None,
                            [
                                .. Wire.Message(16, s, s_lo, onPart ? interrupted : (ushort)2),
                                .. Wire.Done(s, 0, onPart ? (ushort)2 : interrupted),
                            ]
                        ),
                    ]
            )
            .On(GetLink, 0, s => [new(Errno.None, [.. Wire.Message(16, s, s_lo), .. Wire.Message(16, s, s_eth0), .. Wire.Done(s)])]);
        Assert.Equal(2, Dump(kernel).Messages.Length);
        Assert.Equal(2, kernel.Requests);
    }

    [Fact]
    public void A_table_that_never_stands_still_is_an_error_after_some_time()
    {
        var kernel = new ScriptedKernel().On(GetLink, 0, s => [new(Errno.None, [.. Wire.Message(16, s, s_lo, 0x12), .. Wire.Done(s)])]);
        Assert.Equal("changed while it was read, 10 times in a row", Dump(kernel).Complaint);
        Assert.Equal(10, kernel.Requests);
    }

    [Fact]
    public void What_the_kernel_dropped_is_asked_for_again_and_the_first_answer_s_rest_is_passed_over()
    {
        var kernel = new ScriptedKernel()
            .On(GetLink, 0, s => [new(Errno.ENOBUFS, []), new(Errno.None, [.. Wire.Message(16, s, s_lo), .. Wire.Done(s)])])
            .On(GetLink, 0, s => [new(Errno.None, [.. Wire.Message(16, s, s_lo), .. Wire.Message(16, s, s_eth0), .. Wire.Done(s)])]);
        Assert.Equal(2, Dump(kernel).Messages.Length);
    }

    [Fact]
    public void A_refusal_is_told_with_the_kernel_s_error()
    {
        var answer = Dump(s => [new(Errno.None, Wire.Error(s, -1))]);
        Assert.Equal((Errno.EPERM, "gave EPERM", 0), (answer.Error, answer.Complaint, answer.Messages.Length));
    }

    [Fact]
    public void A_dump_that_breaks_off_half_way_gives_nothing_of_what_came_before()
    {
        var answer = Dump(s => [new(Errno.None, [.. Wire.Message(16, s, s_lo), .. Wire.Done(s, -12)])]);
        Assert.Equal(("gave ENOMEM", 0), (answer.Complaint, answer.Messages.Length));
    }

    [Fact]
    public void A_datagram_that_did_not_fit_and_an_answer_that_never_ends_are_errors()
    {
        Assert.Equal("gave EMSGSIZE", Dump(_ => [new(Errno.EMSGSIZE, [])]).Complaint);
        Assert.Equal("gave ETIMEDOUT", Dump(s => [new(Errno.None, Wire.Message(16, s, s_lo))]).Complaint);
    }

    [Theory]
    [InlineData(0)] // would never end
    [InlineData(15)] // shorter than its header
    [InlineData(4096)] // past the end
    [InlineData(-1)] // past any end
    public void A_message_that_lies_about_its_length_spoils_the_answer(int length)
    {
        var answer = Dump(s =>
            [new(Errno.None, [.. Wire.Message(16, s, s_lo), .. Wire.Message(16, s, s_eth0, length: length), .. Wire.Done(s)])]
        );
        Assert.Equal(("was answered with a malformed message", 0), (answer.Complaint, answer.Messages.Length));
    }

    [Fact]
    public void A_datagram_that_is_cut_off_in_a_header_spoils_the_answer() =>
        Assert.Equal(
            "was answered with a malformed message",
            Dump(s => [new(Errno.None, [.. Wire.Message(16, s, s_lo), 16, 0, 0])]).Complaint
        );

    private static NetlinkAnswer Dump(Func<uint, Reply[]> answer) => Dump(new ScriptedKernel().On(GetLink, 0, answer));

    private static NetlinkAnswer Dump(ScriptedKernel kernel) => new NetlinkRequests(kernel).Dump(GetLink, new byte[16]);
}
