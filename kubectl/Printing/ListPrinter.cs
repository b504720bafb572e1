using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Meta;

namespace Hostdev.Kubectl.Printing;

/// <summary>
/// Prints rows as they come, a page at a time, and keeps none: widths of a table grow from page to page, as those of kubectl's own lists
/// do.
/// </summary>
public sealed class ListPrinter<T>(TextWriter to, OutputForm form, Listing<T> listing)
{
    private const string None = "<none>";
    private const int MostWidth = 60; // a message that is longer moves nothing else

    private readonly ImmutableArray<Column<T>> _columns = [.. listing.Columns.Where(c => form == OutputForm.Wide || !c.IsWide)];
    private readonly int[] _widths = [.. listing.Columns.Where(c => form == OutputForm.Wide || !c.IsWide).Select(c => c.Header.Length)];

    /// <summary>A whole table, for an answer that has one among other lines.</summary>
    public static IEnumerable<string> Lines(OutputForm form, Listing<T> listing, ImmutableArray<T> rows)
    {
        using var text = new StringWriter();
        new ListPrinter<T>(text, form, listing).Write(rows);
        return text.ToString().TrimEnd('\n').Split('\n');
    }

    /// <summary>Rows so far.</summary>
    public int Count { get; private set; }

    public void Write(ImmutableArray<T> page)
    {
        if (page.IsEmpty)
            return;
        var text = new StringBuilder();
        switch (form)
        {
            case OutputForm.Json:
                foreach (var row in page)
                {
                    text.Append(Count++ == 0 ? $"{{\n  \"kind\": \"{listing.Kind}\",\n  \"items\": [\n    " : ",\n    ");
                    text.Append(JsonSerializer.Serialize(row, listing.Json).Replace("\n", "\n    ", StringComparison.Ordinal));
                }

                break;
            case OutputForm.Yaml:
                if (Count == 0)
                    text.Append($"kind: {listing.Kind}\nitems:\n");
                Count += page.Length;
                text.Append(JsonToYaml.Convert($"[{string.Join(',', page.Select(r => JsonSerializer.Serialize(r, listing.Json)))}]"));
                break;
            default:
                AppendTable(text, page);
                break;
        }

        to.Write(text.ToString());
    }

    /// <summary>After the last page. A table without rows is nothing at all: whoever prints it says why.</summary>
    public void End()
    {
        if (form == OutputForm.Json)
            to.Write(Count == 0 ? $"{{\n  \"kind\": \"{listing.Kind}\",\n  \"items\": []\n}}\n" : "\n  ]\n}\n");
        else if (form == OutputForm.Yaml && Count == 0)
            to.Write($"kind: {listing.Kind}\nitems: []\n");
        to.Flush();
    }

    private void AppendTable(StringBuilder text, ImmutableArray<T> page)
    {
        var rows = page.Select(r => _columns.Select(c => Cell(c.Cell(r))).ToArray()).ToList();
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length; i++)
                _widths[i] = Math.Max(_widths[i], Math.Min(MostWidth, row[i].Length));
        }

        if (Count == 0)
            rows.Insert(0, [.. _columns.Select(c => c.Header)]);
        Count += page.Length;
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length; i++)
                text.Append(i == row.Length - 1 ? row[i] : row[i].PadRight(_widths[i] + 3));
            text.Append('\n');
        }
    }

    private static string Cell(string? text) => string.IsNullOrEmpty(text) ? None : PrintableText.Of(text);
}
