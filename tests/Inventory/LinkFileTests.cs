using Hostdev.Crds;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning.Pci;
using Xunit;

namespace Hostdev.Tests.Inventory;

public sealed class LinkFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("links-").FullName;

    private string Path => System.IO.Path.Combine(_directory, LinkFile.FileName);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_is_kept_is_read_again_and_the_same_again_is_not_written()
    {
        var file = new LinkFile(_directory);
        Assert.Empty(file.Links);
        file.Keep(file.Links);
        Assert.False(File.Exists(Path));
        file.Keep(file.Links.Add(PciAddress.Parse("10000:01:00.0"), new KnownLink("10de:2204", 16)));
        var written = File.ReadAllText(Path);
        var again = new LinkFile(_directory);
        Assert.Equal(file.Links, again.Links);
        File.Delete(Path);
        again.Keep(file.Links);
        Assert.False(File.Exists(Path));
        Assert.Contains("\"width\": 16", written, StringComparison.Ordinal);
    }

    /// <summary>To the letter as the versions before wrote it, and read it.</summary>
    [Fact]
    public void The_file_s_form_stays_as_it_is()
    {
        var file = new LinkFile(_directory);
        file.Keep(file.Links.Add(PciAddress.Parse("0000:01:00.0"), new KnownLink("10de:2204", 16)));
        Assert.Equal(
            """
            {
              "format": 1,
              "links": [
                {
                  "address": "0000:01:00.0",
                  "ids": "10de:2204",
                  "width": 16
                }
              ]
            }
            """.ReplaceLineEndings("\n"),
            File.ReadAllText(Path)
        );
    }

    /// <summary>Fields of later versions are passed over; a format of one, or damage, begins anew, and nothing stops for it.</summary>
    [Theory]
    [InlineData("""{"format": 1, "links": [{"address": "0000:01:00.0", "ids": "10de:2204", "width": 16, "speed": "32"}], "more": {}}""", 1)]
    [InlineData("""{"format": 2, "links": []}""", 0)]
    [InlineData("""{"format": 1, "links": [{"address": "a GPU", "ids": "10de:2204", "width": 16}]}""", 0)]
    [InlineData("{", 0)]
    public void Files_of_later_versions_and_damaged_ones(string text, int links)
    {
        File.WriteAllText(Path, text);
        var file = new LinkFile(_directory);
        Assert.Equal(links, file.Links.Count);
        file.Keep(file.Links.SetItem(PciAddress.Parse("0000:02:00.0"), new KnownLink("8086:1592", 8)));
        Assert.Equal(links + 1, new LinkFile(_directory).Links.Count);
    }
}
