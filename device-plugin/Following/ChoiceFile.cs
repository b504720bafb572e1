using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Following;

/// <summary>
/// What policies have in force and chose by a name (<c>choices.json</c> in the state directory), over restarts and reboots. An agent of a version before this file leaves it alone; fields that this
/// version does not know are left out when it is written.
/// </summary>
public sealed class ChoiceFile
{
    public const string FileName = "choices.json";

    private const int Format = 1;

    private readonly string _path;

    public ChoiceFile(string directory)
    {
        _path = Path.Combine(directory, FileName);
        try
        {
            Choices = Read();
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            Damage = $"{_path}: {e.Message.Split(" Path:")[0]}. It says which devices are in force by a name that they may have lost, so nothing is done without it: restore the file, or move it away when every policy names addresses or the names of now, and restart the agent";
        }
    }

    /// <summary>In order; empty while <see cref="Damage"/> is there.</summary>
    public ImmutableArray<Choice> Choices { get; private set; } = [];

    /// <summary>Why the file could not be read, with the remedy; null as a rule.</summary>
    public string? Damage { get; }

    /// <summary>Makes these the choices, on disk when it returns. The same ones again write nothing, and a damaged file stays.</summary>
    public void Keep(ImmutableArray<Choice> choices)
    {
        if (Damage is not null || choices.SequenceEqual(Choices)) return;
        DurableFile.Replace(_path, JsonSerializer.Serialize(new ChoiceContent { Format = Format, Choices = [.. choices.Select(ChoiceEntry.Of)] }, ChoiceJsonContext.Default.ChoiceContent));
        Choices = choices;
    }

    private ImmutableArray<Choice> Read()
    {
        if (!File.Exists(_path)) return [];
        var content = JsonSerializer.Deserialize(File.ReadAllText(_path), ChoiceJsonContext.Default.ChoiceContent) ?? throw new FormatException("it is empty");
        if (content.Format > Format) throw new FormatException($"it has format {content.Format} and this version reads {Format}: run the version that wrote it");
        return [.. content.Choices.Select(c => c.ToChoice())];
    }
}

internal sealed record ChoiceContent
{
    public int Format { get; init; }

    public required ImmutableArray<ChoiceEntry> Choices { get; init; }
}

internal sealed record ChoiceEntry
{
    public required string Policy { get; init; }

    public required string Address { get; init; }

    /// <summary><c>vendor:device</c>.</summary>
    public required string Ids { get; init; }

    public string? Interface { get; init; }

    public string? Driver { get; init; }

    public string? Slot { get; init; }

    public static ChoiceEntry Of(Choice choice) => new()
    {
        Policy = choice.PolicyUid,
        Address = choice.Address.ToString(),
        Ids = $"{choice.Vendor}:{choice.Device}",
        Interface = choice.Interface,
        Driver = choice.Driver,
        Slot = choice.Slot,
    };

    public Choice ToChoice() => Ids.Split(':') is [var vendor, var device]
        ? new Choice(Policy, PciAddress.Parse(Address), PciId.Parse(vendor), PciId.Parse(device)) { Interface = Interface, Driver = Driver, Slot = Slot }
        : throw new FormatException($"ids of {Address} is \"{Ids}\" and not vendor:device");
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
[JsonSerializable(typeof(ChoiceContent))]
internal sealed partial class ChoiceJsonContext : JsonSerializerContext;
