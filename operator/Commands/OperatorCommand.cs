using System.CommandLine;

namespace Hostdev.Operator.Commands;

/// <summary>The program's command line.</summary>
public static class OperatorCommand
{
    internal static RootCommand Create() =>
        new("Hostdev's operator: says which node gets which policies, and what became of them.")
        {
            RunCommand.Create(),
            KubeVirtSnippetCommand.Create(),
            GiveBackCommand.Create(),
            CheckCommand.Create(),
        };

    /// <summary>Runs a command line in this process, but for <c>run</c>, which is one operator's whole process.</summary>
    /// <param name="output">
    /// Takes what <c>give-back</c> and <c>check</c> would write to its output and to its error output; log lines go to the console all the
    /// same.
    /// </param>
    /// <returns>The exit code.</returns>
    public static Task<int> InvokeAsync(string[] arguments, TextWriter output, CancellationToken cancellationToken) =>
        Create()
            .Parse(arguments)
            .InvokeAsync(
                new InvocationConfiguration
                {
                    Output = output,
                    Error = output,
                    ProcessTerminationTimeout = null,
                },
                cancellationToken
            );
}
