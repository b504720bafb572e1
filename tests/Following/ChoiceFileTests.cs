using Hostdev.Crds;
using Hostdev.DevicePlugin.Following;
using Hostdev.Planning.Sriov;
using Xunit;

namespace Hostdev.Tests.Following;

public sealed class ChoiceFileTests : IDisposable
{
    private static readonly Choice Nic = new("uid-1", PciAddress.Parse("0000:81:00.0"), PciId.Parse("8086"), PciId.Parse("10c9"))
    {
        Interface = "eth0",
    };
    private static readonly Choice Gpu = new("uid-2", PciAddress.Parse("0000:43:00.0"), PciId.Parse("10de"), PciId.Parse("2204"))
    {
        Driver = "nouveau",
        Slot = "7",
    };

    private readonly string _directory = Directory.CreateTempSubdirectory("hd-").FullName;

    private string FilePath => Path.Combine(_directory, ChoiceFile.FileName);

    [Fact]
    public void What_is_kept_is_read_again()
    {
        new ChoiceFile(_directory).Keep([Nic, Gpu]);
        Assert.Equal([Nic, Gpu], new ChoiceFile(_directory).Choices);
    }

    [Fact]
    public void Without_a_file_there_are_none_and_none_write_no_file()
    {
        var file = new ChoiceFile(_directory);
        file.Keep([]);
        Assert.Empty(file.Choices);
        Assert.False(File.Exists(FilePath));
    }

    [Fact]
    public void The_same_choices_again_are_not_written()
    {
        var file = new ChoiceFile(_directory);
        file.Keep([Nic]);
        File.Delete(FilePath);
        file.Keep([Nic]);
        Assert.False(File.Exists(FilePath));
    }

    [Fact]
    public void A_field_of_a_later_version_is_no_reason_not_to_read()
    {
        File.WriteAllText(
            FilePath,
            """
            {"format": 1, "later": true, "choices": [
              {"policy": "uid-1", "address": "0000:81:00.0", "ids": "8086:10c9", "interface": "eth0", "mac": "52:54:00:00:00:01"}]}
            """
        );
        Assert.Equal([Nic], new ChoiceFile(_directory).Choices);
    }

    [Theory]
    [InlineData("""{"format": 2, "choices": []}""", "it has format 2 and this version reads 1: run the version that wrote it")]
    [InlineData(
        """{"format": 1, "choices": [{"policy": "p", "address": "0000:81:00.0", "ids": "8086"}]}""",
        "ids of 0000:81:00.0 is \"8086\" and not vendor:device"
    )]
    [InlineData("", "The input does not contain any JSON tokens")]
    [InlineData("""{"format": 1, "choices": [""", "Expected depth to be zero at the end of the JSON payload")]
    public void A_file_that_cannot_be_read_stops_all_writes_and_stays(string text, string words)
    {
        File.WriteAllText(FilePath, text);
        var file = new ChoiceFile(_directory);
        Assert.StartsWith($"{FilePath}: {words}", file.Damage, StringComparison.Ordinal);
        Assert.EndsWith(
            "restore the file, or move it away when every policy names addresses or the names of now, and restart the agent",
            file.Damage,
            StringComparison.Ordinal
        );
        file.Keep([Nic]);
        Assert.Equal(text, File.ReadAllText(FilePath));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
