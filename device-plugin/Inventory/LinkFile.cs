using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Pci;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// The widest links that this host's cards were seen with (<c>links.json</c> in the state directory), over restarts and reboots. Nothing is
/// done by it: a file that cannot be read is begun anew, and versions before this file leave it alone.
/// </summary>
public sealed class LinkFile
{
    public const string FileName = "links.json";

    private readonly StateFile<LinkContent> _file;

    public LinkFile(string directory)
    {
        _file = new StateFile<LinkContent>(Path.Combine(directory, FileName), LinkJsonContext.Default.LinkContent);
        Links = _file.Read(LinkContent.ToLinks, out _) ?? ImmutableSortedDictionary<DeviceId, KnownLink>.Empty;
    }

    public ImmutableSortedDictionary<DeviceId, KnownLink> Links { get; private set; }

    /// <summary>
    /// Makes these the known ones; the same ones again write nothing. Where they cannot be written the agent goes on, and tries it again
    /// with the next reading.
    /// </summary>
    public void Keep(ImmutableSortedDictionary<DeviceId, KnownLink> links)
    {
        if (links == Links || links.SequenceEqual(Links))
            return;
        try
        {
            _file.Write(LinkContent.Of(links));
            Links = links;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk is no reason to leave devices.
        }
    }
}

internal sealed record LinkContent
{
    public required ImmutableArray<LinkEntry> Links { get; init; }

    public static LinkContent Of(ImmutableSortedDictionary<DeviceId, KnownLink> links) =>
        new()
        {
            Links =
            [
                .. links.Select(l => new LinkEntry
                {
                    Address = l.Key.ToString(),
                    Ids = l.Value.Ids,
                    Width = l.Value.Width,
                }),
            ],
        };

    /// <exception cref="FormatException">An address is no device.</exception>
    public static ImmutableSortedDictionary<DeviceId, KnownLink> ToLinks(LinkContent content) =>
        content
            .Links.DistinctBy(l => l.Address)
            .ToImmutableSortedDictionary(l => DeviceId.Parse(l.Address), l => new KnownLink(l.Ids, l.Width));
}

internal sealed record LinkEntry
{
    public required string Address { get; init; }

    /// <summary><c>vendor:device</c>.</summary>
    public required string Ids { get; init; }

    /// <summary>Lanes.</summary>
    public required int Width { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(LinkContent))]
internal sealed partial class LinkJsonContext : JsonSerializerContext;
