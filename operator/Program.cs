using System.CommandLine;

namespace Hostdev.Operator;

internal static class Program
{
    public static Task<int> Main(string[] args) => new RootCommand("Hostdev's operator: says which node gets which policies, and what became of them.").Parse(args).InvokeAsync();
}
