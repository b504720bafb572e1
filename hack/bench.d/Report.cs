using System.Globalization;
using Spectre.Console;

namespace Hostdev.Benchmarks;

/// <summary>How benchmarks print: what they measure and on what, then one table. Nobody takes a number without its reference.</summary>
internal static class Report
{
    public static void Title(string what)
    {
        AnsiConsole.WriteLine();
        AnsiConsole.MarkupLineInterpolated($"[bold]{what}[/]");
    }

    public static void Note(string line) => AnsiConsole.MarkupLineInterpolated($"{line}");

    /// <summary>A sign of life on standard error, so that tables can be taken from standard output.</summary>
    public static void Progress(string line) => Console.Error.WriteLine($"bench: {line}");

    public static void Table(string[] columns, IEnumerable<string[]> rows)
    {
        var table = new Table().Border(TableBorder.Markdown);
        foreach (var (column, i) in columns.Select((c, i) => (c, i)))
        {
            table.AddColumn(i == 0 ? new TableColumn(Markup.Escape(column)) : new TableColumn(Markup.Escape(column)).RightAligned());
        }

        foreach (var row in rows)
            table.AddRow([.. row.Select(Markup.Escape)]);
        AnsiConsole.Profile.Width = 200;
        AnsiConsole.Write(table);
    }

    public static string Ratio(double ratio) => ratio.ToString("F2", CultureInfo.InvariantCulture) + "x";

    public static string Number(double value, string format = "F1") => value.ToString(format, CultureInfo.InvariantCulture);
}
