using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>
/// The allocation ledger on disk (<c>allocations.json</c> in the state directory). What was given out in another boot than this one is read
/// as such: pods outlive a boot, and what they were given does not. An agent of a version before that passes over it.
/// </summary>
public sealed class LedgerFile(string directory, string bootId)
{
    private readonly StateFile<LedgerContent> _file = new(
        Path.Combine(directory, "allocations.json"),
        LedgerJsonContext.Default.LedgerContent,
        "It says which pods have which devices: restore it, or remove it when no VM pod runs on this node"
    );

    /// <exception cref="JournalException">The file is there and cannot be read: what pods hold would be a guess.</exception>
    public AllocationLedger Read()
    {
        var ledger = _file.Read(Of, out var damage);
        return damage is null ? ledger ?? AllocationLedger.Empty : throw new JournalException(damage);
    }

    public void Write(AllocationLedger ledger) =>
        _file.Write(
            new LedgerContent
            {
                BootId = bootId,
                Allocations = [.. ledger.ById.Values],
                Earlier = ledger.Earlier.IsEmpty ? null : [.. ledger.Earlier.Values],
                GivenUp = ledger.GivenUp.IsEmpty ? null : [.. ledger.GivenUp.Select(g => new GivenUpUnit(g.Key, g.Value))],
            }
        );

    private AllocationLedger Of(LedgerContent content) =>
        content.BootId == bootId
            ? new AllocationLedger(ById(content.Allocations))
            {
                Earlier = ById(content.Earlier ?? []),
                GivenUp = (content.GivenUp ?? [])
                    .Select(g => g is { Id: not null, Why: not null } ? g : throw new FormatException("a unit that was given up is null"))
                    .DistinctBy(g => g.Id)
                    .ToImmutableSortedDictionary(g => g.Id, g => g.Why, StringComparer.Ordinal),
            }
            : AllocationLedger.Empty with
            {
                Earlier = ById([.. content.Allocations, .. content.Earlier ?? []]),
            };

    private static ImmutableSortedDictionary<string, Allocation> ById(ImmutableArray<Allocation> allocations) =>
        allocations
            .Select(a => a ?? throw new FormatException("an allocation is null"))
            .DistinctBy(a => a.Id)
            .ToImmutableSortedDictionary(a => a.Id, a => a, StringComparer.Ordinal);
}

internal sealed record LedgerContent
{
    public required string BootId { get; init; }

    public required ImmutableArray<Allocation> Allocations { get; init; }

    /// <summary>Absent where there is none, and in files of versions before this was kept.</summary>
    public ImmutableArray<Allocation>? Earlier { get; init; }

    /// <summary>As <see cref="Earlier"/>.</summary>
    public ImmutableArray<GivenUpUnit>? GivenUp { get; init; }
}

internal sealed record GivenUpUnit(string Id, string Why);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(AnsweredNodeConverter), typeof(BoundDeviceConverter)],
    WriteIndented = true
)]
[JsonSerializable(typeof(LedgerContent))]
internal sealed partial class LedgerJsonContext : JsonSerializerContext;
