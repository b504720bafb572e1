using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>
/// What was listed to the kubelet (<c>listed.json</c> in the state directory), over restarts and reboots. An agent of a version before this
/// file leaves it alone.
/// </summary>
public sealed class ListedFile
{
    public const string FileName = "listed.json";

    private readonly StateFile<ListedContent> _file;

    public ListedFile(string directory)
    {
        _file = new StateFile<ListedContent>(
            Path.Combine(directory, FileName),
            ListedJsonContext.Default.ListedContent,
            "It says which devices the kubelet was shown under which name. It is written anew; until then what was taken, what pods have "
                + "and what is wanted counts as ours"
        );
        Listed = _file.Read(
            c =>
                ListedIds.Of(
                    c.Resources.SelectMany(r => r.Ids.Select(id => (r.Name, id ?? throw new FormatException("an ID is missing"))))
                ),
            out var damage
        );
        Damage = damage;
    }

    /// <summary>Null when there is no file, and while <see cref="Damage"/> is there.</summary>
    public ListedIds? Listed { get; }

    /// <summary>Why the file could not be read, with what that means; null as a rule.</summary>
    public string? Damage { get; }

    /// <summary>On disk when it returns. A damaged file is replaced.</summary>
    public void Keep(ListedIds listed) =>
        _file.Write(new ListedContent { Resources = [.. listed.ByResource.Select(r => new ListedResource(r.Key, [.. r.Value]))] });
}

internal sealed record ListedContent
{
    public required ImmutableArray<ListedResource> Resources { get; init; }
}

internal sealed record ListedResource(string Name, ImmutableArray<string?> Ids);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    WriteIndented = true
)]
[JsonSerializable(typeof(ListedContent))]
internal sealed partial class ListedJsonContext : JsonSerializerContext;
