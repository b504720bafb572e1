using Hostdev.Crds;
using Xunit;
using FileMode = Hostdev.Crds.Kinds.FileMode;

namespace Hostdev.Tests.Crds;

public sealed class PciAddressTests
{
    [Theory]
    [InlineData("ice 0000:3b:00.0: link up", true)]
    [InlineData("NVRM: GPU 0000:3B:00.0 is lost", true)]
    [InlineData("0000:3b:00.0", true)]
    [InlineData("/sys/bus/pci/devices/0000:3b:00.0/driver_override", true)]
    [InlineData("10000:3b:00.0 is behind a VMD", false)]
    [InlineData("10000:3b:00.0, and 0000:3b:00.0 beside it", true)]
    [InlineData("0000:3b:00.01", false)]
    [InlineData("0000:3b:00.1", false)]
    [InlineData("", false)]
    public void A_text_names_the_very_address(string text, bool names) =>
        Assert.Equal(names, PciAddress.Parse("0000:3b:00.0").IsNamedIn(text));

    [Theory]
    [InlineData("0000:3b:00.0", 0u, 0x3b, 0, 0)]
    [InlineData("10000:01:1f.7", 0x10000u, 1, 0x1f, 7)]
    [InlineData("ffffffff:ff:00.1", 0xffffffffu, 0xff, 0, 1)]
    public void The_full_form_is_read_and_written_back(string text, uint domain, byte bus, byte slot, byte function)
    {
        Assert.True(PciAddress.TryParse(text, out var address));
        Assert.Equal(new PciAddress(domain, bus, slot, function), address);
        Assert.Equal(text, address.ToString());
    }

    [Fact]
    public void Upper_case_is_read_and_becomes_lower_case() => Assert.Equal("0000:3b:1f.0", PciAddress.Parse("0000:3B:1F.0").ToString());

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("3b:00.0")]
    [InlineData("000:3b:00.0")]
    [InlineData("100000000:3b:00.0")]
    [InlineData("0000:3b:00.8")]
    [InlineData("0000:3b:20.0")]
    [InlineData("0000:3b:00:0")]
    [InlineData("0000.3b.00.0")]
    [InlineData("0000:3b:00.0 ")]
    [InlineData(" 0000:3b:00.0")]
    [InlineData("0000:3b:00.")]
    [InlineData("0000:3b:00.00")]
    [InlineData("0000:+b:00.0")]
    [InlineData("000g:3b:00.0")]
    [InlineData("0000:3b:0x.0")]
    public void Anything_else_is_no_address(string? text) => Assert.False(PciAddress.TryParse(text, out _));

    [Fact]
    public void A_bad_form_is_answered_with_the_right_one() =>
        Assert.Equal(
            "\"3b:00.0\" is no PCI address: write domain:bus:slot.function in hexadecimal, for example 0000:3b:00.0",
            Assert.Throws<FormatException>(() => PciAddress.Parse("3b:00.0")).Message
        );

    [Fact]
    public void Addresses_are_ordered_by_domain_bus_slot_and_function_not_as_text()
    {
        string[] ordered = ["0000:03:00.1", "0000:03:01.0", "0000:10:00.0", "ffff:00:00.0", "10000:00:00.0"];

        Assert.Equal(ordered, ordered.Reverse().Select(PciAddress.Parse).Order().Select(a => a.ToString()));
        Assert.True(PciAddress.Parse(ordered[0]) < PciAddress.Parse(ordered[1]));
        Assert.True(PciAddress.Parse(ordered[4]) >= PciAddress.Parse(ordered[3]));
    }

    [Theory]
    [InlineData("0000:41:00.0", 128, "0000:41:10.0")]
    [InlineData("0000:41:00.1", 130, "0000:41:10.3")]
    [InlineData("0000:41:1f.7", 1, "0000:42:00.0")]
    [InlineData("10000:41:00.0", 256, "10000:42:00.0")]
    [InlineData("0000:41:00.0", -1, "0000:40:1f.7")]
    public void An_offset_counts_routing_IDs_and_crosses_bus_borders(string from, int offset, string to) =>
        Assert.Equal(to, PciAddress.Parse(from).Offset(offset).ToString());

    [Fact]
    public void There_is_nothing_past_the_last_bus_or_before_the_first()
    {
        Assert.Null(PciAddress.Parse("0000:ff:1f.7").Offset(1));
        Assert.Null(PciAddress.Parse("0000:00:00.0").Offset(-1));
    }

    [Fact]
    public void The_slot_name_has_no_function() => Assert.Equal("0000:3b:1f", PciAddress.Parse("0000:3b:1f.5").SlotName);
}

public sealed class ResourceNameTests
{
    [Theory]
    [InlineData("example.com/nic-vf")]
    [InlineData("nvidia.com/GRID_T4-1Q")]
    [InlineData("a/b")]
    [InlineData("example.com/a.b_c-d")]
    public void A_domain_and_a_name_are_a_resource_name(string text)
    {
        Assert.True(ResourceName.TryParse(text, out var name, out var error), error);
        Assert.Equal(text, name.Value);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void Nothing_is_answered_with_the_form(string? text)
    {
        Assert.False(ResourceName.TryParse(text, out _, out var error));
        Assert.StartsWith(
            "a resource name is required: write domain/name, for example example.com/nic-vf: ",
            error,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("nic", "write domain/name, for example")]
    [InlineData("/nic", "write domain/name, for example")]
    [InlineData("a/b/c", "write domain/name, for example")]
    [InlineData("Example.com/nic", "write domain/name, for example")]
    [InlineData("-a.com/nic", "write domain/name, for example")]
    [InlineData("a..com/nic", "write domain/name, for example")]
    [InlineData("a.com/nic_", "write domain/name, for example")]
    [InlineData("a.com/ni c", "write domain/name, for example")]
    [InlineData("kubernetes.io/nic", "kubernetes.io belongs to Kubernetes: use a domain of your own")]
    [InlineData("x.kubernetes.io/nic", "kubernetes.io belongs to Kubernetes: use a domain of your own")]
    [InlineData("requests.example.com/nic", "a domain that begins with requests. is what quota uses: use another domain")]
    public void Anything_else_is_answered_with_what_is_wrong(string text, string message)
    {
        Assert.False(ResourceName.TryParse(text, out _, out var error));
        Assert.StartsWith($"\"{text}\" is no resource name: {message}", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Lengths_leave_room_for_the_prefix_that_quota_puts_in_front()
    {
        var domain = string.Join('.', Enumerable.Repeat(new string('a', 60), 4)); // 243
        Assert.True(ResourceName.TryParse($"{domain}a/b", out _, out _));
        Assert.False(ResourceName.TryParse($"{domain}ab/b", out _, out _));
        Assert.True(ResourceName.TryParse($"a/{new string('b', 63)}", out _, out _));
        Assert.False(ResourceName.TryParse($"a/{new string('b', 64)}", out _, out _));
        Assert.False(ResourceName.TryParse($"{new string('a', 64)}.com/b", out _, out _));
    }

    [Fact]
    public void The_env_form_keeps_dashes_and_turns_dots_and_slashes() =>
        Assert.Equal("NVIDIA_COM_GRID_T4-1Q", ResourceName.Parse("nvidia.com/GRID_T4-1Q").EnvSuffix);
}

public sealed class SmallValueTests
{
    [Theory]
    [InlineData("8086", 0x8086)]
    [InlineData("10DE", 0x10de)]
    [InlineData("0000", 0)]
    public void An_id_is_four_hexadecimal_digits(string text, int value) => Assert.Equal(new PciId((ushort)value), PciId.Parse(text));

    [Theory]
    [InlineData("806")]
    [InlineData("08086")]
    [InlineData("0x86")]
    [InlineData("80g6")]
    [InlineData(" 808")]
    [InlineData("+808")]
    public void Anything_else_is_no_id(string text) =>
        Assert.Equal(
            $"\"{text}\" is no PCI id: write four hexadecimal digits in quotes, for example \"8086\"",
            Assert.Throws<FormatException>(() => PciId.Parse(text)).Message
        );

    [Theory]
    [InlineData("0660", 0x1b0, "0660")]
    [InlineData("660", 0x1b0, "0660")]
    [InlineData("0777", 0x1ff, "0777")]
    [InlineData("0006", 6, "0006")]
    public void A_mode_is_octal(string text, int bits, string back)
    {
        Assert.Equal(bits, FileMode.Parse(text).Bits);
        Assert.Equal(back, FileMode.Parse(text).ToString());
    }

    [Theory]
    [InlineData("66")]
    [InlineData("00660")]
    [InlineData("0680")]
    [InlineData("1777")]
    [InlineData("rw-")]
    [InlineData("0000")]
    public void Anything_else_is_no_mode(string text) =>
        Assert.StartsWith(
            $"\"{text}\" is no file mode: write",
            Assert.Throws<FormatException>(() => FileMode.Parse(text)).Message,
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData("3")]
    [InlineData("030")]
    [InlineData("03000000")]
    [InlineData("0g")]
    public void A_class_has_two_four_or_six_digits(string text) =>
        Assert.Equal(
            $"\"{text}\" is no PCI class: write two, four or six hexadecimal digits in quotes, for example \"03\" or \"0300\"",
            Assert.Throws<FormatException>(() => PciClass.Parse(text)).Message
        );

    [Fact]
    public void Ranges_of_VFs_include_both_ends()
    {
        Assert.True(new VfRange(2, 4).Contains(2) && new VfRange(2, 4).Contains(4));
        Assert.False(new VfRange(2, 4).Contains(5));
        Assert.True(new VfRange(0, 2).Overlaps(new VfRange(2, 4)));
        Assert.False(new VfRange(0, 1).Overlaps(new VfRange(2, 4)));
        Assert.Equal(["2-4", "3"], [new VfRange(2, 4).ToString(), new VfRange(3, 3).ToString()]);
    }

    [Fact]
    public void A_UUID_is_read_in_the_kernel_s_form_only()
    {
        Assert.Equal("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", MdevUuid.Parse("83B8F4F2-509F-382F-3C1E-E6BFE0FA1001").ToString());
        Assert.False(MdevUuid.TryParse("83b8f4f2509f382f3c1ee6bfe0fa1001", out _));
        Assert.False(MdevUuid.TryParse("{83b8f4f2-509f-382f-3c1e-e6bfe0fa1001}", out _));
    }
}
