using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// One line of the journal. It is on disk before the write that it tells of. Only the fields that an <see cref="Op"/> needs are present.
/// </summary>
public sealed record JournalRecord
{
    public required JournalOp Op { get; init; }

    /// <summary><see cref="JournalOp.Open"/>: the format of this file.</summary>
    public int? Format { get; init; }

    /// <summary><see cref="JournalOp.Open"/>: the boot that everything after it belongs to.</summary>
    public string? BootId { get; init; }

    /// <summary>The PCI address that is taken, changed or forgotten.</summary>
    public string? Address { get; init; }

    /// <summary>The device node of <see cref="JournalOp.RecordNode"/>, or the file of <see cref="JournalOp.Write"/>.</summary>
    public string? Path { get; init; }

    public string? Driver { get; init; }

    public string? DriverOverride { get; init; }

    public string? Policy { get; init; }

    public int? NumVfs { get; init; }

    public bool? Autoprobe { get; init; }

    /// <summary><see cref="JournalOp.RecordFault"/>: what is wrong with it, in words.</summary>
    public string? Fault { get; init; }

    /// <summary>Fatal errors that are known, as <c>aer_dev_fatal</c> counts them.</summary>
    public long? FatalErrors { get; init; }

    public int? Uid { get; init; }

    public int? Gid { get; init; }

    public int? Mode { get; init; }

    /// <summary><see cref="JournalOp.Write"/>: what is written.</summary>
    public string? Value { get; init; }
}

public enum JournalOp
{
    /// <summary>First line: format and boot.</summary>
    Open,

    /// <summary>A function's driver and override before our first write.</summary>
    RecordFunction,

    ForgetFunction,

    /// <summary>A physical function's VF count and autoprobe before our first write.</summary>
    RecordPhysicalFunction,

    /// <summary>Virtual functions are about to be made; since 0.1 with the number that is asked for.</summary>
    OpenVfSetup,

    /// <summary>They are made, and the host's autoprobe is back; with the number that is there.</summary>
    CloseVfSetup,

    ForgetPhysicalFunction,

    /// <summary>A device node's owner and mode before our first change.</summary>
    RecordNode,

    ForgetNode,

    /// <summary>A function is broken and stays out of service until a reset proves the contrary.</summary>
    RecordFault,

    /// <summary>A reset proved the function: fatal errors up to here are past.</summary>
    ClearFault,

    ForgetFault,

    /// <summary>What an earlier boot had in force, and nobody has confirmed in this one.</summary>
    InForceBefore,

    /// <summary>The desired state was read from its source in this boot: what was in force before does not matter any more.</summary>
    Confirm,

    /// <summary>A write that is about to be made.</summary>
    Write,
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(JournalRecord))]
internal sealed partial class JournalJsonContext : JsonSerializerContext
{
    public static string Line(JournalRecord record) => JsonSerializer.Serialize(record, Default.JournalRecord);

    /// <summary>A field that this version does not know is one that it may pass over (docs/adr/0006); an operation is not.</summary>
    /// <exception cref="JsonException">The line is no record.</exception>
    /// <exception cref="FormatException">Its operation is not known.</exception>
    public static JournalRecord? Read(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, Default.JournalRecord);
        }
        catch (JsonException e) when (UnknownOperation(line) is { } operation)
        {
            throw new FormatException($"its operation {operation} is not known to this version: run the version that wrote it", e);
        }
    }

    private static string? UnknownOperation(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement is not { ValueKind: JsonValueKind.Object } root || !root.TryGetProperty("op", out var op)) return null;
            if (op.ValueKind != JsonValueKind.String || op.GetString() is not { } name) return null;
            return Enum.GetNames<JournalOp>().Contains(name) ? null : name;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
