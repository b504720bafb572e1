using System.Text.RegularExpressions;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary><c>kubectl hostdev ui</c> as it runs, and where its page is.</summary>
internal sealed partial class UiProgram : IAsyncDisposable
{
    private UiProgram(ProgramRun program, Uri address) => (Program, Address) = (program, address);

    public ProgramRun Program { get; }

    /// <summary>With the token that lets one browser in.</summary>
    public Uri Address { get; }

    public static async Task<UiProgram> StartAsync(string kubeconfig, params string[] more)
    {
        var program = ProgramRun.Start(ShippedPrograms.Kubectl, ["ui", "--no-open", "--kubeconfig", kubeconfig, .. more]);
        await Waiting.UntilAsync(() => Printed().IsMatch(program.Said) || program.HasExited, 60, () => program.Said);
        Assert.False(program.HasExited, program.Said);
        return new UiProgram(program, new Uri(Printed().Match(program.Said).Value));
    }

    public ValueTask DisposeAsync() => Program.DisposeAsync();

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+/\?token=[0-9a-f]{64}")]
    private static partial Regex Printed();
}
