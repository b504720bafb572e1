using System.CommandLine;
using Hostdev.Kube.Meta;
using Hostdev.Operator.Commands;

namespace Hostdev.Operator;

internal static class Program
{
    /// <summary>
    /// How long an end in order may take before the process is torn off: less than the 20 s after which the kubelet kills its Pod.
    /// </summary>
    private static readonly TimeSpan EndInOrder = TimeSpan.FromSeconds(15);

    public static Task<int> Main(string[] args)
    {
        PrintableWriter.TakeConsole();
        return OperatorCommand.Create().Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = EndInOrder });
    }
}
