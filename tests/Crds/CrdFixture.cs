using System.Text.Json.Nodes;

namespace Hostdev.Tests.Crds;

/// <summary>One object of <c>testdata/crds</c> and what an API server says to it: see the README there.</summary>
/// <param name="Old">What stands in its place by then; null where it is new.</param>
/// <param name="RefusedAt">The field, as the API server names it; null where the object is accepted.</param>
internal sealed record CrdFixture(string File, JsonObject New, JsonObject? Old, string? RefusedAt, string? RefusedBecause)
{
    public static string[] Files { get; } =
    [
        .. Directory
            .EnumerateFiles(Repository.Path("tests", "testdata", "crds"), "*.yaml")
            .Select(f => Path.GetFileName(f))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>In the order in which they are applied.</summary>
    public static List<CrdFixture> Read(string file)
    {
        var kept = new Dictionary<string, JsonObject>();
        var steps = new List<CrdFixture>();
        foreach (var document in CrdFiles.Documents(System.IO.File.ReadAllText(Repository.Path("tests", "testdata", "crds", file))))
        {
            var name = $"{document["kind"]}/{document["metadata"]!["name"]}";
            var annotations = document["metadata"]!["annotations"];
            var at = annotations?["test.hostdev.io/refused-at"]?.GetValue<string>();
            steps.Add(
                new CrdFixture(
                    file,
                    document,
                    kept.GetValueOrDefault(name),
                    at,
                    annotations?["test.hostdev.io/refused-because"]?.GetValue<string>()
                )
            );
            if (at is null)
                kept[name] = document;
        }

        return steps;
    }
}
