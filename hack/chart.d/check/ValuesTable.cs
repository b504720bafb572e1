using System.Text;
using System.Text.RegularExpressions;

namespace Hostdev.Charts;

/// <summary>The values of a chart as a table in Markdown: each with its default, and what the comment above it says.</summary>
internal static partial class ValuesTable
{
    /// <param name="yaml">
    /// The text of values.yaml in its usual form: one key on a line, maps and lists with more than one line by indentation of two.
    /// </param>
    public static string Of(string yaml)
    {
        var table = new StringBuilder("| value | default | |\n|---|---|---|\n");
        var (path, comment) = (new List<string>(), new List<string>());
        foreach (var line in yaml.Split('\n'))
        {
            if (line.Length == 0)
                comment.Clear();
            else if (line.TrimStart() is ['#', .. var said])
                comment.Add(said.Trim());
            else if (Key().Match(line) is { Success: true } key)
            {
                var depth = key.Groups["indent"].Length / 2;
                path.RemoveRange(depth, path.Count - depth);
                path.Add(key.Groups["name"].Value);
                var value = key.Groups["value"].Value;
                // A map is a row of its own where there is something to say about it; its members are rows all the same.
                if (value.Length > 0 || comment.Count > 0)
                    table.Append($"| `{string.Join('.', path)}` | {Quoted(value)} | {Escaped(string.Join(' ', comment))} |\n");
                comment.Clear();
            }
        }

        return table.ToString();
    }

    private static string Quoted(string value) => value.Length == 0 ? "" : $"`{Escaped(value)}`";

    private static string Escaped(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    [GeneratedRegex(@"^(?<indent>(?:  )*)(?<name>[A-Za-z_]+):(?: +(?<value>[^#]*[^# ]))?(?: +#.*)?$")]
    private static partial Regex Key();
}
