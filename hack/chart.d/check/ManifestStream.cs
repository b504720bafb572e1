using System.Text.Json.Nodes;
using Hostdev.Crds.Parsing;
using k8s.Models;

namespace Hostdev.Charts;

/// <summary>What helm does not check of the manifests that it renders.</summary>
internal static class ManifestStream
{
    /// <returns>Findings: none when all is well.</returns>
    public static IReadOnlyList<string> Check(string text) => Check(text, []);

    private static List<string> Check(string text, IReadOnlyList<Manifest> around)
    {
        var findings = new List<string>();
        var manifests = new List<Manifest>();
        foreach (var document in $"\n{text}".Split("\n---\n", StringSplitOptions.RemoveEmptyEntries))
        {
            // A key that is there twice is an error of this parser: helm takes the last one, which hides the other.
            if (YamlJson.Parse(document, out var error) is not JsonObject json)
                findings.Add($"{error} of {document.Trim().Split('\n')[0]}");
            else if (ManifestTypes.Read(json, out error) is { } manifest)
                manifests.Add(manifest);
            else
                findings.Add(error);
        }

        // helm applies both, and the last one wins.
        var twice = manifests.GroupBy(m => (m.Kind, m.Namespace, m.Name)).Where(g => g.Count() > 1);
        findings.AddRange(twice.Select(g => $"{g.First()} is there twice"));
        List<Manifest> all = [.. around, .. manifests];
        foreach (var manifest in manifests)
        {
            findings.AddRange(ManifestRelations.Check(manifest, all).Select(f => $"{manifest}: {f}"));
            // A manifest that is meant for a file of the kubelet's is text for helm and the API server.
            var files = (manifest.Object as V1ConfigMap)?.Data?.Where(d => d.Key.EndsWith(".yaml", StringComparison.Ordinal)) ?? [];
            foreach (var (file, content) in files)
                findings.AddRange(Check(content, all).Select(f => $"{manifest}, {file}: {f}"));
        }

        return findings;
    }
}
