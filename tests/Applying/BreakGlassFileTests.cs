using Hostdev.DevicePlugin.Applying;
using Xunit;

namespace Hostdev.Tests.Applying;

public sealed class BreakGlassFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("glass-").FullName;
    private readonly BreakGlassFile _file;

    public BreakGlassFileTests() => _file = new BreakGlassFile(_directory);

    [Fact]
    public void Without_the_file_there_is_nothing_to_say()
    {
        Assert.False(_file.IsThere);
        Assert.Null(_file.ReadWords());
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("call Ada\nat once\n", "call Ada")]
    [InlineData("  bell \a and tab \t \r\n", "bell  and tab")]
    [InlineData("\n\nlater", "")]
    public void Its_first_line_is_what_it_says(string text, string words)
    {
        File.WriteAllText(_file.Path, text);

        Assert.True(_file.IsThere);
        Assert.Equal(words, _file.ReadWords());
    }

    [Fact]
    public void A_long_line_and_a_binary_file_are_cut()
    {
        File.WriteAllText(_file.Path, new string('x', 100_000));
        Assert.Equal(new string('x', 200), _file.ReadWords());
        File.WriteAllBytes(_file.Path, [0, 1, 2, 255, 254]);
        Assert.NotNull(_file.ReadWords());
    }

    [Fact]
    public void A_directory_of_that_name_counts_too()
    {
        Directory.CreateDirectory(_file.Path);

        Assert.True(_file.IsThere);
        Assert.Equal("", _file.ReadWords());
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
