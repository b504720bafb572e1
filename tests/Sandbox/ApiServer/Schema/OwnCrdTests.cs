using System.Collections.Immutable;
using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer.Schema;

/// <summary>The project's own CRDs hold before a real API server sees them.</summary>
public sealed class OwnCrdTests
{
    public static TheoryData<string> Files =>
        [
            .. System
                .IO.Directory.GetFiles(Repository.Path("crds"), "*.yaml")
                .Select(path => System.IO.Path.GetFileName(path))
                .Order(StringComparer.Ordinal),
        ];

    [Theory]
    [MemberData(nameof(Files))]
    public void An_API_server_takes_it(string file) => Assert.Equal("hostdev.io", SchemaText.Parse(Read(file)).Group);

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_field_is_described_and_every_list_map_and_text_is_bounded(string file)
    {
        var findings = SchemaText.Parse(Read(file)).Versions.SelectMany(v => SchemaLint.Check(v.Schema)).ToImmutableArray();
        Assert.True(findings.IsEmpty, $"{file}:\n{string.Join('\n', findings)}");
    }

    [Fact]
    public void There_are_four() => Assert.Equal(4, Files.Count);

    private static System.Text.Json.Nodes.JsonObject Read(string file) =>
        SchemaText.Yaml(System.IO.File.ReadAllText(Repository.Path($"crds/{file}")));
}
