using System.CommandLine;
using Hostdev.Kube.Meta;

namespace Hostdev.Kubectl.Commands;

/// <summary>
/// What could follow on a command line, in the form that kubectl asks plugins for (<c>kubectl_complete-hostdev</c>, kubectl 1.26): a word
/// and, after a tab, what it means, a line each, and last what the shell shall do: 4, propose no files (cobra
/// <c>ShellCompDirectiveNoFileComp</c>).
/// </summary>
internal static class CompleteCommand
{
    private const string Name = "__complete";
    private const string NoFiles = ":4";

    /// <param name="root">Of which the command will be a part.</param>
    /// <param name="terminal">What is written to it is printable already, and its tabs must stay.</param>
    public static Command Create(RootCommand root, TextWriter terminal)
    {
        var words = new Argument<string[]>("words") { Arity = ArgumentArity.ZeroOrMore };
        var command = new Command(Name, "For shells.") { words };
        command.Hidden = true;
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(parsed =>
        {
            // Not as parsed: what is to be completed may begin with a dash, and may be empty.
            string[] asked = [.. parsed.Tokens.Select(t => t.Value).SkipWhile(t => t != Name).Skip(1)];
            var (line, begun) = (string.Join(' ', asked.Select(Quoted)), asked.LastOrDefault() ?? "");
            foreach (var item in root.Parse(line).GetCompletions(line.Length).Where(i => IsProposed(i.Label, begun)))
                terminal.WriteLine($"{PrintableText.Of(item.Label)}\t{PrintableText.Of(item.Detail ?? item.Documentation ?? "")}");
            terminal.WriteLine(NoFiles);
            terminal.Flush();
            return 0;
        });
        return command;
    }

    /// <summary>An option only to whoever has begun one, as kubectl has it.</summary>
    private static bool IsProposed(string word, string begun) =>
        word != Name
        && word.StartsWith('-') == begun.StartsWith('-')
        && word.StartsWith(begun, StringComparison.OrdinalIgnoreCase)
        && word is not ("-?" or "/?" or "/h");

    private static string Quoted(string word) => word.Contains(' ', StringComparison.Ordinal) ? $"\"{word}\"" : word;
}
