using System.Text;

namespace Hostdev.Tests.Hostile;

/// <summary>
/// Makes texts that somebody could show to do harm: well-formed lines, of which some are cut, doubled, or have others' parts.
/// </summary>
internal sealed class HostileText(int seed)
{
    private static readonly string[] Parts =
    [
        "",
        " ",
        "-",
        " - ",
        "\t",
        "\\040",
        "\\134012",
        "\0",
        "\u001b[2J",
        "\u202e",
        "0:0",
        "8:0",
        "4294967296:99999999999999999999",
        "-1",
        "ffffffffffffffffffffffff",
        "7f0000000000-",
        "../../../../etc/shadow",
        "/dev/../proc/1/root",
        "0000:00:1f.0",
        "resource0",
        " (deleted)",
        "anon_inode:[vfio-device]",
        "=",
        ",",
        "@o2ib",
        "9999999999999999999999999999999",
    ];

    private readonly Random _random = new(seed);

    public bool Chance(int oneIn) => _random.Next(oneIn) == 0;

    /// <summary>These lines, of which some are changed.</summary>
    public string Near(params string[] lines) => string.Join('\n', lines.Select(l => Chance(8) ? Changed(l) : l));

    /// <summary>Some of these lines, in any order, some as they are.</summary>
    public string Of(string[] lines)
    {
        var text = new StringBuilder();
        for (var count = _random.Next(lines.Length + 2); count > 0; count--)
        {
            text.Append(Changed(lines[_random.Next(lines.Length)]));
            if (!Chance(20))
                text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The text of a link, which has no NUL and an end; null where there is to be no link.</summary>
    public string? NameOf(string[] names) =>
        Changed(names[_random.Next(names.Length)]).Replace("\0", "", StringComparison.Ordinal) is { Length: > 0 and < 1024 } name
            ? name
            : null;

    private string Changed(string line)
    {
        for (var changes = Chance(3) ? 0 : _random.Next(4); changes > 0; changes--)
        {
            var at = _random.Next(line.Length + 1);
            var part = Chance(50) ? new string('x', 4096) : Parts[_random.Next(Parts.Length)];
            line = _random.Next(4) switch
            {
                0 => line[..at],
                1 => line[at..],
                2 => line.Insert(at, part),
                _ => line[..at] + part + line[Math.Min(line.Length, at + part.Length)..],
            };
        }

        return line;
    }
}
