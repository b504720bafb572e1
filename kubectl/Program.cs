using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Commands;

namespace Hostdev.Kubectl;

internal static class Program
{
    public static Task<int> Main(string[] args)
    {
        var terminal = Console.Out; // shells take completions apart at their tabs, which are not printable
        PrintableWriter.TakeConsole();
        return KubectlCommand.Create(terminal).Parse(args).InvokeAsync();
    }
}
