using Hostdev.Crds;
using Hostdev.DevicePlugin.Commands;
using Hostdev.Planning;
using Hostdev.Planning.Explaining;
using Hostdev.Planning.Foreseeing;
using Xunit;

namespace Hostdev.Tests;

/// <summary>
/// A text compared with a file in <c>tests/testdata/goldens</c>. HOSTDEV_UPDATE_GOLDENS=1 writes the files instead: read the difference
/// before committing it.
/// </summary>
internal static class Golden
{
    /// <summary>Whether what is made by a command is written instead of compared.</summary>
    public static bool IsUpdating => Environment.GetEnvironmentVariable("HOSTDEV_UPDATE_GOLDENS") == "1";

    /// <summary>What <c>plan</c> and <c>explain ADDRESS</c> say: <c>NAME.plan</c> and <c>NAME.explain</c>.</summary>
    public static void MatchesWords(string name, PlanningInput input, string address)
    {
        Matches($"{name}.plan", PlanText.Render(Foresight.Of(input)));
        Matches($"{name}.explain", Explain(input, address));
    }

    /// <summary>What <c>explain</c> says of a device where an agent follows what is desired.</summary>
    public static string Explain(PlanningInput input, string address) =>
        ExplainText.Render(Explanation.Of(input, DeviceId.Parse(address)), Standing.Followed, [])!;

    public static void Matches(string name, string actual)
    {
        var path = Repository.Path("tests", "testdata", "goldens", name);
        if (IsUpdating)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
            return;
        }

        Assert.True(File.Exists(path), $"{path} is missing: run once with HOSTDEV_UPDATE_GOLDENS=1");
        Assert.Equal(File.ReadAllText(path), actual);
    }
}
