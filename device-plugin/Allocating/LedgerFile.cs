using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>
/// The allocation ledger on disk (<c>allocations.json</c> in the state directory), of one boot: pods do not outlive it with their devices.
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

    public void Write(AllocationLedger ledger) => _file.Write(new LedgerContent { BootId = bootId, Allocations = [.. ledger.ById.Values] });

    private AllocationLedger Of(LedgerContent content) =>
        content.BootId == bootId
            ? new AllocationLedger(content.Allocations.ToImmutableSortedDictionary(a => a.Id, a => a, StringComparer.Ordinal))
            : AllocationLedger.Empty;
}

internal sealed record LedgerContent
{
    public required string BootId { get; init; }

    public required ImmutableArray<Allocation> Allocations { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(DeviceIdConverter), typeof(AnsweredNodeConverter), typeof(BoundDeviceConverter)],
    WriteIndented = true
)]
[JsonSerializable(typeof(LedgerContent))]
internal sealed partial class LedgerJsonContext : JsonSerializerContext;
