using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;
using Hostdev.Kubectl.Answers;

namespace Hostdev.Kubectl.Page;

/// <summary>What the page is told of itself.</summary>
/// <param name="Cluster">The API server's address.</param>
/// <param name="States">By the word for a state what it means, in the order in which they are shown.</param>
internal sealed record AboutPage(string Cluster, string Version, ImmutableArray<StateWord> States);

internal sealed record StateWord(string State, string Meaning);

/// <summary>Something that the page lacks, in a sentence with what to do.</summary>
internal sealed record Notice(string Sentence);

/// <summary>
/// Every text as it may be shown, in one line and no longer than somebody reads: whoever has a node's token writes what they like into its
/// status.
/// </summary>
internal sealed class ShownTextConverter : JsonConverter<string>
{
    /// <summary>In code points.</summary>
    public const int Longest = 4096;

    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString();

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
        writer.WriteStringValue(BoundedText.Cut(value, Longest));
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    Converters = [typeof(ShownTextConverter)]
)]
[JsonSerializable(typeof(NodePicture))]
[JsonSerializable(typeof(PolicyPicture))]
[JsonSerializable(typeof(PodReason))]
[JsonSerializable(typeof(AboutPage))]
[JsonSerializable(typeof(Notice))]
internal sealed partial class PageJsonContext : JsonSerializerContext;
