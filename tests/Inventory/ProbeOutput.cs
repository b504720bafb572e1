using System.Diagnostics;

namespace Hostdev.Tests.Inventory;

/// <summary>
/// What <c>tests/lab-probe/inventory.sh</c> says of the machine: sections of rows, each row its columns by name; "-" is null.
/// </summary>
internal sealed class ProbeOutput
{
    private readonly Dictionary<string, List<Dictionary<string, string?>>> sections = [];

    public IReadOnlyList<Dictionary<string, string?>> this[string section] => sections[section];

    public static ProbeOutput Run()
    {
        using var process = Process.Start(
            new ProcessStartInfo("bash", [Repository.Path("tests", "lab-probe", "inventory.sh")])
            {
                RedirectStandardOutput = true,
                UseShellExecute = false,
            }
        )!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? Parse(text)
            : throw new InvalidOperationException($"the probe ended with exit code {process.ExitCode}");
    }

    /// <summary><c># pci address vendor ...</c> begins a section and names its columns; rows have tabs between them.</summary>
    private static ProbeOutput Parse(string text)
    {
        var output = new ProbeOutput();
        string[] columns = [];
        List<Dictionary<string, string?>> rows = [];
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# ", StringComparison.Ordinal))
            {
                var words = line.Split(' ');
                columns = words[2..];
                rows = output.sections[words[1]] = [];
                continue;
            }

            var cells = line.Split('\t');
            if (cells.Length != columns.Length)
                throw new InvalidOperationException($"the probe's line has {cells.Length} columns, not {columns.Length}: {line}");
            rows.Add(columns.Zip(cells).ToDictionary(c => c.First, c => c.Second == "-" ? null : c.Second));
        }

        return output;
    }
}
