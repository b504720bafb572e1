using Hostdev.DevicePlugin.Allocating;
using Hostdev.DevicePlugin.Offering;
using Xunit;

namespace Hostdev.Tests.Allocating;

public sealed class ListedFileTests : IDisposable
{
    private static readonly ListedIds Some = ListedIds.Of([("example.com/gpu", "0000:43:00.0"), ("example.com/nic", "0000:81:10.0")]);

    private readonly string _directory = Directory.CreateTempSubdirectory("listed-").FullName;

    private string File => Path.Combine(_directory, "listed.json");

    [Fact]
    public void Without_a_file_it_is_not_known()
    {
        var file = new ListedFile(_directory);

        Assert.Null(file.Listed);
        Assert.Null(file.Damage);
    }

    [Fact]
    public void What_was_kept_is_read_again()
    {
        new ListedFile(_directory).Keep(Some);

        Assert.Equal(Some.All, new ListedFile(_directory).Listed!.All);
        Assert.StartsWith("{\n  \"format\": 1,\n  \"resources\": [", System.IO.File.ReadAllText(File), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("""{"resources": [{"name": "example.com/gpu", "ids": ["0000:4""", "")]
    [InlineData("""{"format": 2}""", "it has format 2 and this version reads 1: run the version that wrote it. ")]
    [InlineData("""{"resources": [{"name": "example.com/gpu"}]}""", "")]
    [InlineData("""{"resources": [{"name": null, "ids": []}]}""", "")]
    [InlineData("""{"resources": [{"name": "example.com/gpu", "ids": [null]}]}""", "")]
    public void One_that_is_torn_or_of_another_format_is_said_with_what_counts_in_its_place_and_replaced(string text, string why)
    {
        System.IO.File.WriteAllText(File, text);
        var file = new ListedFile(_directory);

        Assert.Null(file.Listed);
        Assert.StartsWith($"{File}: {why}", file.Damage, StringComparison.Ordinal);
        Assert.EndsWith(
            ". It says which devices the kubelet was shown under which name. It is written anew; until then what was taken, what pods have "
                + "and what is wanted counts as ours",
            file.Damage,
            StringComparison.Ordinal
        );
        file.Keep(Some);
        Assert.Equal(Some.All, new ListedFile(_directory).Listed!.All);
    }

    [Fact]
    public void A_name_that_stands_twice_has_the_IDs_of_both()
    {
        System.IO.File.WriteAllText(
            File,
            """{"resources": [{"name": "a.com/b", "ids": ["x"]}, {"name": "a.com/b", "ids": ["y", "x"], "since": 1}]}"""
        );

        Assert.Equal([("a.com/b", "x"), ("a.com/b", "y")], new ListedFile(_directory).Listed!.All);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
