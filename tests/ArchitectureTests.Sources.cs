using System.Reflection;
using System.Text.RegularExpressions;
using Xunit;

namespace Hostdev.Tests;

/// <summary>How the sources are read.</summary>
public sealed partial class ArchitectureTests
{
    private static void None(IEnumerable<string> findings)
    {
        var all = findings.ToList();
        Assert.True(all.Count == 0, $"{all.Count} findings:\n{string.Join('\n', all)}");
    }

    private static string Or(string[] names) => names.Length == 0 ? "none" : string.Join(", ", names);

    private static string Relative(string path) => System.IO.Path.GetRelativePath(Repository.Root, path).Replace('\\', '/');

    private static IEnumerable<string> Files(string pattern) =>
        Directory
            .EnumerateFiles(Repository.Root, pattern, SearchOption.AllDirectories)
            .Select(Relative)
            .Where(p => !Generated().IsMatch(p))
            .Order(StringComparer.Ordinal);

    private static IEnumerable<string> ProjectFiles() => Files("*.csproj");

    private static List<Source> Sources() => _sources.Value;

    private static readonly Lazy<List<Source>> _sources = new(() =>
        [.. Files("*.cs").Select(p => new Source(p, File.ReadAllLines(Repository.Path(p))))]
    );

    private static IEnumerable<Source> AgentSources() =>
        Sources().Where(f => f.Path.StartsWith("device-plugin/", StringComparison.Ordinal) || Room(f.Path) == "Planning");

    private static bool IsIn(string path, params string[] folders) => folders.Any(f => path.StartsWith(f + "/", StringComparison.Ordinal));

    private static string? Room(string path) =>
        path.Split('/') switch
        {
            ["planning", ..] => "Planning",
            ["device-plugin", var room, _, ..] => room,
            _ => null,
        };

    private static string? RoomOf(Type type) =>
        Outermost(type).Namespace?.Split('.') switch
        {
            ["Hostdev", "Planning", ..] => "Planning",
            ["Hostdev", "DevicePlugin", var room, ..] => room,
            _ => null,
        };

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    private static IEnumerable<string> Mentions(string folder, string pattern, Func<string, string> complaint) =>
        Sources()
            .Where(f => f.Path.StartsWith(folder + "/", StringComparison.Ordinal))
            .SelectMany(f =>
                f.Code.SelectMany(
                    (code, i) => Regex.Matches(code, pattern).Select(m => $"{f.Path}:{i + 1}: {complaint(m.Groups[1].Value)}")
                )
            );

    private static Dictionary<string, List<(string Path, int Line)>> DeclaredTypes() =>
        Sources()
            .SelectMany(f =>
                f.Code.SelectMany((code, i) => Declaration().Matches(code).Select(m => (Name: m.Groups[1].Value, f.Path, Line: i + 1)))
            )
            .GroupBy(t => t.Name)
            .ToDictionary(g => g.Key, g => g.Select(t => (t.Path, t.Line)).ToList());

    /// <summary>Types in signatures, fields and local variables.</summary>
    private static IEnumerable<(string Member, Type Type)> UsedTypes(Type type)
    {
        const BindingFlags All =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        if (type.BaseType is { } parent)
            yield return ("base", parent);
        foreach (var i in type.GetInterfaces())
            yield return ("interface", i);
        foreach (var field in type.GetFields(All))
            yield return (field.Name, field.FieldType);
        foreach (var method in type.GetMembers(All).OfType<MethodBase>())
        {
            if (method is MethodInfo { ReturnType: { } result })
                yield return (method.Name, result);
            foreach (var parameter in method.GetParameters())
                yield return (method.Name, parameter.ParameterType);
            foreach (var local in method.GetMethodBody()?.LocalVariables ?? [])
                yield return (method.Name, local.LocalType);
        }
    }

    private static IEnumerable<Type> Parts(Type type) =>
        type.GetElementType() is { } element ? Parts(element) : type.GetGenericArguments().SelectMany(Parts).Append(type);

    /// <summary>The sections of .editorconfig that speak of RS0030, in order: the last one that matches a file decides.</summary>
    private static List<(Regex Glob, string? Severity, int Line)> EditorConfigSections()
    {
        var result = new List<(Regex, string?, int)>();
        var glob = new Regex("^$");
        var lines = File.ReadAllLines(Repository.Path(".editorconfig"));
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            if (line.StartsWith('['))
                glob = Glob(line[1..^1]);
            else if (line.StartsWith("dotnet_diagnostic.RS0030.severity", StringComparison.Ordinal))
                result.Add((glob, line.Split('=')[1].Trim(), i + 1));
        }

        return result;
    }

    private static Regex Glob(string pattern)
    {
        var text = string.Concat(
            GlobPart()
                .Matches(pattern)
                .Select(m =>
                    m.Value switch
                    {
                        "**" => ".*",
                        "*" => "[^/]*",
                        "?" => "[^/]",
                        "{" => "(?:",
                        "}" => ")",
                        "," => "|",
                        var other => Regex.Escape(other),
                    }
                )
        );
        return new Regex($"^{(pattern.Contains('/', StringComparison.Ordinal) ? "" : "(?:.*/)?")}{text}$");
    }

    /// <param name="Text">The lines as they stand.</param>
    private sealed record Source(string Path, string[] Text)
    {
        /// <summary>The lines without comments and string contents.</summary>
        public string[] Code { get; } = [.. Text.Select(l => Comment().Replace(Quoted().Replace(l, "\"\""), ""))];
    }

    [GeneratedRegex(@"^\| `(\w+)` \| .* \| ([^|]+) \|$")]
    private static partial Regex TableRow();

    [GeneratedRegex("""<ProjectReference\s+Include="([^"]+)"\s*""")]
    private static partial Regex ProjectReference();

    [GeneratedRegex("""^Project\("[^"]+"\) = "[^"]+", "([^"]+\.csproj)",""")]
    private static partial Regex SolutionProject();

    [GeneratedRegex(@"^\s*namespace\s+([\w.]+)")]
    private static partial Regex Namespace();

    [GeneratedRegex(@"\bHostdev\.(?:DevicePlugin\.|(?=Planning\b))(\w+)")]
    private static partial Regex FullName();

    [GeneratedRegex(
        @"(?<![\w.])(Host|Inventory|Planning|Usage|Applying|Offering|Kubelet|Allocating|Following|Reporting|Agent|Commands)\.([A-Z]\w*)"
    )]
    private static partial Regex RelativeName();

    [GeneratedRegex(@"(?<![\w.])(?:class|struct|interface|enum|record(?:\s+(?:class|struct))?)\s+([A-Z]\w*)")]
    private static partial Regex Declaration();

    [GeneratedRegex("(?:Reader|Writer|Executor|Server|Client)$")]
    private static partial Regex EffectName();

    [GeneratedRegex("(?:Manager|Helper|Helpers|Util|Utils|Utility|Utilities)$")]
    private static partial Regex VagueName();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    [GeneratedRegex(@"(?:^|/)(?:bin|obj|artifacts|node_modules|\.git)/")]
    private static partial Regex Generated();

    [GeneratedRegex(@"\*\*|.")]
    private static partial Regex GlobPart();

    [GeneratedRegex(@"""(?:\\.|[^""\\])*""")]
    private static partial Regex Quoted();

    [GeneratedRegex("//.*$")]
    private static partial Regex Comment();
}
