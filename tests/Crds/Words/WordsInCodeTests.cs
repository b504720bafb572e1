using System.Reflection;
using System.Text.RegularExpressions;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Projection;
using Xunit;

namespace Hostdev.Tests.Crds.Words;

/// <summary>
/// No word of the contract is written anywhere but in crds/Words: what is renamed there is renamed for both programs, or does not compile.
/// </summary>
public sealed partial class WordsInCodeTests
{
    /// <summary>Words of others that are called reasons too: Kubernetes' causes of an invalid field, and why a container waits.</summary>
    private static readonly string[] s_reasonsOfOthers = ["Hostdev.Crds.Rules.", "Hostdev.Operator.Reconcilers.AgentContainerReason."];

    private static readonly string[] s_programs = ["crds", "device-plugin", "operator"];

    [Fact]
    public void Nothing_that_is_called_a_reason_is_a_string()
    {
        Assembly[] programs = [typeof(Reasons).Assembly, typeof(Planner).Assembly, typeof(Projector).Assembly];
        var texts = programs.SelectMany(p => p.GetTypes()).SelectMany(Reasonable).Where(m => m.Type == typeof(string)).Select(m => m.Name);
        Assert.Equal([], texts.Where(t => !s_reasonsOfOthers.Any(o => t.StartsWith(o, StringComparison.Ordinal))).Distinct());
    }

    [Fact]
    public void No_reason_and_no_state_is_made_from_a_text_that_stands_in_the_code() =>
        Assert.Equal([], Lines("crds/Words/").Where(l => MadeOfText().IsMatch(l.Text)).Select(l => $"{l.Place}: {l.Text.Trim()}"));

    /// <summary>
    /// By value, also where it is no reason there: what is spelled alike and means another thing is listed with the file that means it.
    /// </summary>
    [Fact]
    public void No_word_stands_as_a_text_in_the_code()
    {
        string[] words = [.. Reasons.All.Select(r => r.Name), .. FindingState.All.Select(s => s.Name), .. ConditionTypes.All];
        (string File, string Word)[] others =
        [
            ("operator/Reconcilers/AgentPod.cs", ConditionTypes.Ready), // of a Pod
        ];
        var found = Lines("crds/Words/").SelectMany(l => Quoted().Matches(l.Text).Select(m => (l.File, Word: m.Groups[1].Value, l.Place)));
        Assert.Equal(
            [],
            found.Where(f => words.Contains(f.Word) && !others.Contains((f.File, f.Word))).Select(f => $"{f.Place}: \"{f.Word}\"")
        );
    }

    /// <summary>Fields, properties and parameters of that name.</summary>
    private static IEnumerable<(string Name, Type Type)> Reasonable(Type type)
    {
        const BindingFlags all =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        static bool IsReason(string? name) => name?.EndsWith("reason", StringComparison.OrdinalIgnoreCase) == true;
        var fields = type.GetFields(all)
            .Select(f => (f.Name, f.FieldType))
            .Concat(type.GetProperties(all).Select(p => (p.Name, p.PropertyType)));
        foreach (var (name, of) in fields.Where(f => IsReason(f.Name)))
            yield return ($"{type.FullName}.{name}", of);
        foreach (var method in type.GetMembers(all).OfType<MethodBase>())
        {
            foreach (var p in method.GetParameters().Where(p => IsReason(p.Name)))
            {
                yield return ($"{type.FullName}.{method.Name}({p.Name})", p.ParameterType);
            }
        }
    }

    private static IEnumerable<(string File, string Place, string Text)> Lines(string but) =>
        from program in s_programs
        from path in Directory.EnumerateFiles(Repository.Path(program), "*.cs", SearchOption.AllDirectories)
        let file = Path.GetRelativePath(Repository.Root, path)
        where !file.StartsWith(but, StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal)
        from line in File.ReadAllLines(path).Select((text, i) => (Number: i + 1, Text: text))
        where !line.Text.TrimStart().StartsWith("//", StringComparison.Ordinal)
        select (file, $"{file}:{line.Number}", line.Text);

    [GeneratedRegex("(Reasons|FindingState)\\.Of\\(\\$?\"")]
    private static partial Regex MadeOfText();

    [GeneratedRegex("\"([A-Z][A-Za-z]+)\"")]
    private static partial Regex Quoted();
}
