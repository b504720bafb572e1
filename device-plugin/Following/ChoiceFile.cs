using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Sriov;

namespace Hostdev.DevicePlugin.Following;

/// <summary>
/// What policies have in force and chose by a name (<c>choices.json</c> in the state directory), over restarts and reboots. An agent of a
/// version before this file leaves it alone; fields that this version does not know are left out when it is written.
/// </summary>
public sealed class ChoiceFile
{
    public const string FileName = "choices.json";

    private readonly StateFile<ChoiceContent> _file;

    public ChoiceFile(string directory)
    {
        _file = new StateFile<ChoiceContent>(
            Path.Combine(directory, FileName),
            ChoiceJsonContext.Default.ChoiceContent,
            "It says which devices are in force by a name that they may have lost, so nothing is done without it: "
                + "restore the file, or move it "
                + "away when every policy names addresses or the names of now, and restart the agent"
        );
        Choices = [.. _file.Read(c => c.Choices.Select(e => e.ToChoice()).ToList(), out var damage) ?? []];
        Damage = damage;
    }

    /// <summary>In order; empty while <see cref="Damage"/> is there.</summary>
    public ImmutableArray<Choice> Choices { get; private set; }

    /// <summary>Why the file could not be read, with the remedy; null as a rule.</summary>
    public string? Damage { get; }

    /// <summary>Makes these the choices, on disk when it returns. The same ones again write nothing, and a damaged file stays.</summary>
    public void Keep(ImmutableArray<Choice> choices)
    {
        if (Damage is not null || choices.SequenceEqual(Choices))
            return;
        _file.Write(new ChoiceContent { Choices = [.. choices.Select(ChoiceEntry.Of)] });
        Choices = choices;
    }
}

internal sealed record ChoiceContent
{
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

    public static ChoiceEntry Of(Choice choice) =>
        new()
        {
            Policy = choice.PolicyUid,
            Address = choice.Address.ToString(),
            Ids = choice.Ids,
            Interface = choice.Interface,
            Driver = choice.Driver,
            Slot = choice.Slot,
        };

    public Choice ToChoice() => Choice.Parse(Policy, Address, Ids) with { Interface = Interface, Driver = Driver, Slot = Slot };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true
)]
[JsonSerializable(typeof(ChoiceContent))]
internal sealed partial class ChoiceJsonContext : JsonSerializerContext;
