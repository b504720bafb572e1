using Xunit;

namespace Hostdev.Tests;

/// <summary>A text compared with a file in <c>tests/testdata/goldens</c>. HOSTDEV_UPDATE_GOLDENS=1 writes the files instead: read the difference before committing it.</summary>
internal static class Golden
{
    public static void Matches(string name, string actual)
    {
        var path = Repository.Path("tests", "testdata", "goldens", name);
        if (Environment.GetEnvironmentVariable("HOSTDEV_UPDATE_GOLDENS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
            return;
        }

        Assert.True(File.Exists(path), $"{path} is missing: run once with HOSTDEV_UPDATE_GOLDENS=1");
        Assert.Equal(File.ReadAllText(path), actual);
    }
}
