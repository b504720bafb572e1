using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Commands;

namespace Hostdev.Kubectl;

internal static class Program
{
    public static Task<int> Main(string[] args)
    {
        PrintableWriter.TakeConsole();
        return KubectlCommand.Create().Parse(args).InvokeAsync();
    }
}
