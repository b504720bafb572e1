using System.Text.Json;
using Xunit;

namespace Hostdev.Tests;

/// <summary>
/// What is built with is what was: <c>packages.sha512</c> has the content hash of every package, as NuGet's own lock files have it,
/// whoever serves the package. HOSTDEV_UPDATE_GOLDENS=1 writes it, after a change of <c>Directory.Packages.props</c>.
/// </summary>
public sealed class PackageTests
{
    [Fact]
    public void Every_package_that_a_project_resolves_has_the_hash_that_is_written_down()
    {
        var resolved = Resolved();
        Assert.NotEmpty(resolved);
        var list = Repository.Path("packages.sha512");
        if (Golden.IsUpdating)
            File.WriteAllLines(list, resolved.Order(StringComparer.Ordinal));
        var known = File.ReadAllLines(list).ToHashSet(StringComparer.Ordinal);
        var others = resolved.Where(p => !known.Contains(p)).Order(StringComparer.Ordinal).ToList();
        Assert.True(
            others.Count == 0,
            "not in packages.sha512, so another package than was looked at, or a new one (HOSTDEV_UPDATE_GOLDENS=1 writes it down):\n"
                + string.Join('\n', others)
        );
    }

    private static HashSet<string> Resolved() =>
        [
            .. Directory
                .EnumerateFiles(Repository.Root, "project.assets.json", SearchOption.AllDirectories)
                .SelectMany(assets =>
                {
                    using var document = JsonDocument.Parse(File.ReadAllText(assets));
                    return document
                        .RootElement.GetProperty("libraries")
                        .EnumerateObject()
                        .Where(l => l.Value.GetProperty("type").GetString() == "package" && !IsOfSdk(l.Name))
                        .Select(l => $"{l.Name} {l.Value.GetProperty("sha512").GetString()}")
                        .ToList();
                }),
        ];

    /// <summary>Its version is the SDK's, which is pinned elsewhere.</summary>
    private static bool IsOfSdk(string library) =>
        library.StartsWith("Microsoft.NET.ILLink.", StringComparison.Ordinal) || library.Contains("ILCompiler", StringComparison.Ordinal);
}
