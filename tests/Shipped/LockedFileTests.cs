using Hostdev.Tests.Scenarios;
using Xunit;

namespace Hostdev.Tests.Shipped;

/// <summary>Who may read a file may lock it too; that stops none of our programs.</summary>
public sealed class LockedFileTests
{
    [Fact]
    public async Task The_agent_reads_a_desired_state_that_another_process_has_locked()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "policies: []\n", TestContext.Current.CancellationToken);
        using (Command.Hold("true", "flock", "-x", file))
        {
            await using var run = ProgramRun.Start(ShippedPrograms.Agent, "plan", "--desired", file);
            var (_, said) = await run.EndAsync();
            Assert.DoesNotContain(file, said, StringComparison.Ordinal); // it cannot be read, it would say
        }

        File.Delete(file);
    }

    [Fact]
    public async Task The_operator_reads_a_kubeconfig_that_another_process_has_locked()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "{}\n", TestContext.Current.CancellationToken);
        using (Command.Hold("true", "flock", "-x", file))
        {
            await using var run = ProgramRun.Start(ShippedPrograms.Operator, "kubevirt-snippet", "--kubeconfig", file);
            var (_, said) = await run.EndAsync();
            Assert.Contains("current-context", said, StringComparison.Ordinal); // what the file lacks
        }

        File.Delete(file);
    }
}
