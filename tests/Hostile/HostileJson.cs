using System.Text.Json.Nodes;

namespace Hostdev.Tests.Hostile;

/// <summary>
/// Makes JSON that somebody could write to do harm: a well-formed object of the kind in which some values are others' opposites: numbers at
/// the edges, texts with escapes, turned or very long, lists in place of maps, nulls in lists, keys twice as deep.
/// </summary>
internal sealed class HostileJson(int seed)
{
    private static readonly string[] Texts =
    [
        "",
        " ",
        "\0",
        "\u001b[2J\u001b[31m",
        "a\nb: c\n- d",
        "\u202egnp.exe",
        "\ud800",
        "\"}]}",
        "..",
        "../../etc/shadow",
        "{{`x`}}",
        "%n%s",
        "10DE:2236\"\n  externalResourceProvider: false",
        "0000:43:00.0",
        "ffffffff:ff:1f.7",
        "2147483648",
        "null",
        "Ready",
        "Blocked",
    ];

    private static readonly long[] Numbers =
    [
        0,
        -1,
        1,
        int.MaxValue,
        int.MinValue,
        (long)int.MaxValue + 1,
        long.MaxValue,
        long.MinValue,
        65_536,
        65_537,
        1L << 53,
    ];

    private readonly Random _random = new(seed);

    /// <summary>A copy of it with one to four places changed.</summary>
    public JsonNode? Of(JsonNode template)
    {
        JsonNode? copy = template.DeepClone();
        for (var changes = _random.Next(1, 5); changes > 0; changes--)
            copy = Changed(copy);
        return copy;
    }

    private JsonNode? Changed(JsonNode? root)
    {
        var places = new List<(JsonNode Parent, string? Key, int Index)>();
        Places(root, places);
        if (places.Count == 0 || _random.Next(200) == 0)
            return Value();
        var (parent, key, index) = places[_random.Next(places.Count)];
        switch (parent)
        {
            case JsonObject map when _random.Next(8) == 0:
                map.Remove(key!);
                break;
            case JsonObject map:
                map[key!] = Value();
                break;
            case JsonArray list when _random.Next(4) == 0:
                for (var copies = _random.Next(1, 20); copies > 0; copies--)
                    list.Add(list[index]?.DeepClone());
                break;
            case JsonArray list:
                list[index] = Value();
                break;
        }

        return root;
    }

    private static void Places(JsonNode? node, List<(JsonNode Parent, string? Key, int Index)> into)
    {
        switch (node)
        {
            case JsonObject map:
                foreach (var (key, value) in map)
                {
                    into.Add((map, key, 0));
                    Places(value, into);
                }

                break;
            case JsonArray list:
                for (var i = 0; i < list.Count; i++)
                {
                    into.Add((list, null, i));
                    Places(list[i], into);
                }

                break;
        }
    }

    private JsonNode? Value() =>
        _random.Next(9) switch
        {
            0 => null,
            1 => _random.Next(2) == 0,
            2 or 3 => Numbers[_random.Next(Numbers.Length)],
            4 => _random.NextDouble() * 1e300,
            5 => new string((char)_random.Next(32, 0x2fff), _random.Next(1, 5000)),
            6 => new JsonArray(null, 1, "x"),
            7 => new JsonObject { ["x"] = new JsonArray(new JsonObject { ["y"] = null }) },
            _ => Texts[_random.Next(Texts.Length)],
        };
}
