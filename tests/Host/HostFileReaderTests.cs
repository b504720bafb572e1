using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Host;

public sealed class HostFileReaderTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("files-").FullName;
    private readonly HostFileReader files;

    public HostFileReaderTests() => files = new HostFileReader(new HostPaths(root));

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Theory]
    [InlineData("0x8086\n", "0x8086")]
    [InlineData("DELL    ", "DELL")]
    [InlineData("", "")]
    [InlineData("Größe\n", "Größe")]
    public void Reads_text_without_surrounding_blanks(string content, string expected)
    {
        File.WriteAllText(root + "/a", content);
        Assert.Equal(FileText.Of(expected), files.ReadText("/a"));
    }

    [Fact]
    public void Says_why_there_is_no_text()
    {
        Directory.CreateDirectory(root + "/directory");
        File.WriteAllBytes(root + "/binary", [1, 0, 2]);
        File.WriteAllBytes(root + "/latin1", [0xe4]);
        File.WriteAllBytes(root + "/exact", [.. Enumerable.Repeat((byte)'x', HostFileReader.LimitBytes)]);
        File.WriteAllBytes(root + "/long", [.. Enumerable.Repeat((byte)'x', HostFileReader.LimitBytes + 1)]);
        Assert.Equal(
            ("cannot be read: EISDIR", "is not text", "is not text", "is longer than 64 KiB"),
            (
                files.ReadText("/directory").Complaint,
                files.ReadText("/binary").Complaint,
                files.ReadText("/latin1").Complaint,
                files.ReadText("/long").Complaint
            )
        );
        Assert.Equal(HostFileReader.LimitBytes, files.ReadText("/exact").Text!.Length);
        Assert.True(files.ReadText("/nothing/at/all").IsAbsent);
        Assert.True(files.ReadText("/binary/below").IsAbsent);
    }

    [Fact]
    public void Resolves_links_as_the_host_sees_them()
    {
        Directory.CreateDirectory(root + "/sys/devices/pci0000:00/0000:00:01.0");
        Directory.CreateDirectory(root + "/sys/bus/pci/devices");
        File.CreateSymbolicLink(root + "/sys/bus/pci/devices/0000:00:01.0", "../../../devices/pci0000:00/0000:00:01.0");
        File.CreateSymbolicLink(root + "/sys/up", "..");
        File.CreateSymbolicLink(root + "/sys/absolute", root + "/sys/bus");
        Assert.Equal("/sys/devices/pci0000:00/0000:00:01.0", files.ResolveLink("/sys/bus/pci/devices/0000:00:01.0"));
        Assert.Equal("0000:00:01.0", files.ReadLinkName("/sys/bus/pci/devices/0000:00:01.0"));
        Assert.Equal("/sys/bus", files.ResolveLink("/sys/absolute"));
        Assert.Equal("", files.ResolveLink("/sys/up"));
        Assert.Null(files.ResolveLink("/sys/bus"));
        Assert.Null(files.ResolveLink("/sys/nothing"));
    }

    [Fact]
    public void Lists_names_in_order_hidden_ones_included()
    {
        foreach (var name in new[] { "b", "a", ".c", "B" })
            File.WriteAllText($"{root}/{name}", "");
        Assert.Equal([".c", "B", "a", "b"], files.List("/"));
        Assert.Empty(files.List("/nothing", out var error));
        Assert.Equal(Errno.ENOENT, error);
    }

    [Fact]
    public void Reads_lines_of_what_is_there_and_none_of_what_is_not()
    {
        File.WriteAllText(root + "/lines", "a\nb\n");
        Assert.Equal(["a", "b"], files.ReadLines("/lines"));
        Assert.Empty(files.ReadLines("/nothing"));
        Assert.Empty(files.ReadLines("/"));
    }
}
