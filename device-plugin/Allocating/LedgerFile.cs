using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>The allocation ledger on disk (<c>allocations.json</c> in the state directory), of one boot: pods do not outlive it with their devices.</summary>
public sealed class LedgerFile(string directory, string bootId)
{
    private const int Format = 1;

    private readonly string _path = Path.Combine(directory, "allocations.json");

    /// <exception cref="JournalException">The file is there and cannot be read: what pods hold would be a guess.</exception>
    public AllocationLedger Read()
    {
        if (!File.Exists(_path)) return AllocationLedger.Empty;
        try
        {
            var content = JsonSerializer.Deserialize(File.ReadAllText(_path), LedgerJsonContext.Default.LedgerContent) ?? throw new JsonException("it is empty");
            if (content.Format > Format) throw new JsonException($"it has format {content.Format} and this version reads {Format}: run the version that wrote it.");
            if (content.BootId != bootId) return AllocationLedger.Empty;
            return new AllocationLedger(content.Allocations.ToImmutableSortedDictionary(a => a.Id, a => a, StringComparer.Ordinal));
        }
        catch (JsonException e)
        {
            throw new JournalException($"{_path}: {e.Message} It says which pods have which devices: restore it, or remove it when no VM pod runs on this node", e);
        }
    }

    public void Write(AllocationLedger ledger) =>
        DurableFile.Replace(_path, JsonSerializer.Serialize(new LedgerContent { Format = Format, BootId = bootId, Allocations = [.. ledger.ById.Values] }, LedgerJsonContext.Default.LedgerContent));
}

internal sealed record LedgerContent
{
    public int Format { get; init; }

    public required string BootId { get; init; }

    public required ImmutableArray<Allocation> Allocations { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
[JsonSerializable(typeof(LedgerContent))]
internal sealed partial class LedgerJsonContext : JsonSerializerContext;
