using Xunit;

namespace Hostdev.Tests.Shipped;

/// <summary>What somebody put into a name or a path reaches nobody's terminal as a command to it.</summary>
public sealed class PrintableOutputTests
{
    private const string Evil = "x\u001b]0;owned\u0007\u202e";
    private const string Shown = "x\\u001b]0;owned\\u0007\\u202e";

    [Fact]
    public async Task The_operator_shows_an_escape_in_an_argument_as_text()
    {
        await using var run = ProgramRun.Start(ShippedPrograms.Operator, "kubevirt-snippet", "--kubeconfig", $"/nowhere/{Evil}");
        var (code, said) = await run.EndAsync();
        Assert.Equal(1, code);
        Assert.Contains(Shown, said, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', said);
    }

    [Fact]
    public async Task The_agent_shows_an_escape_in_a_desired_state_as_text()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(
            file,
            $"policies:\n- kind: HostDevice\n  name: \"{Evil}\"\n  spec: {{\"{Evil}\": 1}}\n"
                .Replace("\u001b", "\\e", StringComparison.Ordinal)
                .Replace("\u0007", "\\a", StringComparison.Ordinal),
            TestContext.Current.CancellationToken
        );
        await using var run = ProgramRun.Start(ShippedPrograms.Agent, "plan", "--desired", file);
        var (_, said) = await run.EndAsync();
        Assert.Contains(Shown, said, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', said);
        File.Delete(file);
    }
}
