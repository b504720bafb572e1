using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Host.Netlink;
using Xunit;

namespace Hostdev.Tests.Host.Netlink;

/// <summary>The kernel's list of virtual functions: what is whole is read, and what is not is unknown.</summary>
public sealed class VfMessagesTests
{
    private const int List = 22; // IFLA_VFINFO_LIST

    [Fact]
    public void Each_setting_of_each_virtual_function_is_read_in_the_words_of_ip_link()
    {
        var all = VfMessages.Read(Message([.. Enumerable.Range(0, 2).SelectMany(v => Info(v))]))!;
        Assert.Equal(12, all.Count);
        Assert.Equal("52:54:00:00:00:01", all["vf 1 mac"]);
        Assert.Equal("100 qos 3", all["vf 1 vlan"]);
        Assert.Equal("on", all["vf 1 spoofchk"]);
        Assert.Null(all["vf 1 trust"]); // -1: the driver did not tell
        Assert.Equal("disable", all["vf 1 state"]);
        Assert.Equal("min_tx_rate 1 max_tx_rate 4294967295", all["vf 1 rate"]);
    }

    /// <summary>
    /// The length of an attribute has 16 bits, and the kernel writes what is left of a longer one: the list ends anywhere, and what follows
    /// it is the middle of a virtual function.
    /// </summary>
    [Theory]
    [InlineData(256)]
    [InlineData(300)]
    [InlineData(600)]
    public void What_comes_after_64_KiB_is_unknown_and_never_taken_for_unset(int count)
    {
        byte[] whole = [.. Enumerable.Range(0, count).SelectMany(v => Info(v, padding: 200))];
        Assert.True(whole.Length > ushort.MaxValue);
        var told = (ushort)(whole.Length + 4);
        var all = VfMessages.Read(Message(whole, told))!;
        var perVf = whole.Length / count;
        var read = (told - 4) / perVf;
        Assert.True(read < count);
        Assert.Equal(6 * read, all.Count);
        Assert.DoesNotContain($"vf {read} vlan", all.Keys);
        var reading = new VfReading(Errno.None, all);
        Assert.Equal(Errno.ENODATA, reading.Of($"vf {count - 1} vlan").Error);
        Assert.Equal(read > 0 ? "100 qos 3" : null, reading.Of("vf 0 vlan").Text);
    }

    [Fact]
    public void No_bytes_from_anywhere_break_the_reader()
    {
        var random = new Random(1);
        for (var round = 0; round < 2_000; round++)
        {
            byte[] list = [.. Enumerable.Range(0, 3).SelectMany(v => Info(v))];
            for (var i = 0; i < 4; i++)
                list[random.Next(list.Length)] = (byte)random.Next(256);
            Assert.NotNull(VfMessages.Read(Message(list, (ushort)random.Next(ushort.MaxValue))));
        }
    }

    [Theory]
    [InlineData("vf 3 mac", "52:54:00:12:34:56")]
    [InlineData("vf 3 vlan", "100")]
    [InlineData("vf 3 vlan", "100 qos 7")]
    [InlineData("vf 3 spoofchk", "off")]
    [InlineData("vf 3 trust", "on")]
    [InlineData("vf 3 state", "disable")]
    [InlineData("vf 3 rate", "min_tx_rate 10 max_tx_rate 100")]
    public void What_is_sent_for_a_setting_reads_as_that(string setting, string value)
    {
        var body = VfMessages.Set(7, setting, value)!;
        Assert.Equal(7, BitConverter.ToInt32(body.AsSpan(4)));
        var list = NetlinkAttributes.List(body.AsMemory(RouteMessages.LinkBytes), out _).Single(a => a.Type == List).Value;
        var info = NetlinkAttributes.List(list, out _).Single().Value;
        byte[] mac = setting == "vf 3 mac" ? [] : Mac(3);
        Assert.Equal(value, VfMessages.Read(Message(NetlinkAttributes.Of(1, [.. mac, .. info.ToArray()])))![setting]);
    }

    [Theory]
    [InlineData("vf 3 mac", "52:54:00:12:34")]
    [InlineData("vf 3 vlan", "100 qos")]
    [InlineData("vf 3 vlan", "-1")]
    [InlineData("vf 3 trust", "maybe")]
    [InlineData("vf 3 rate", "100")]
    [InlineData("vf x trust", "on")]
    [InlineData("power/control", "on")]
    public void What_is_no_setting_is_not_sent(string setting, string value) => Assert.Null(VfMessages.Set(7, setting, value));

    private static NetlinkMessage Message(byte[] list, ushort? told = null)
    {
        byte[] head = [.. BitConverter.GetBytes(told ?? (ushort)(list.Length + 4)), .. BitConverter.GetBytes((ushort)List)];
        byte[] link = new byte[RouteMessages.LinkBytes];
        link[2] = 1; // ARPHRD_ETHER
        return new NetlinkMessage(RouteMessages.NewLink, 0, 1, (byte[])[.. link, .. head, .. list]);
    }

    private static byte[] Info(int vf, int padding = 0) =>
        NetlinkAttributes.Of(
            1,
            (ReadOnlySpan<byte>)
                [
                    .. Mac(vf),
                    .. Numbers(2, vf, 100, 3),
                    .. Numbers(6, vf, 1, -1),
                    .. Numbers(4, vf, 1),
                    .. Numbers(5, vf, 2),
                    .. Numbers(9, vf, -1),
                    .. NetlinkAttributes.Of(8, new byte[padding]),
                ]
        );

    private static byte[] Mac(int vf) =>
        NetlinkAttributes.Of(1, (ReadOnlySpan<byte>)[.. BitConverter.GetBytes(vf), 0x52, 0x54, 0, 0, 0, (byte)vf, .. new byte[26]]);

    private static byte[] Numbers(int type, params int[] numbers) =>
        NetlinkAttributes.Of(type, (ReadOnlySpan<byte>)[.. numbers.SelectMany(BitConverter.GetBytes)]);
}
