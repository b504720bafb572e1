using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>
/// What failed lately and is not tried before its time (<c>setbacks.json</c> in the state directory), for <c>plan</c> and <c>explain</c>:
/// they print what the agent does, and that is not to try it. The agent itself starts without it, and tries everything anew.
/// </summary>
public sealed class SetbackFile(string directory, string bootId)
{
    public const string FileName = "setbacks.json";

    private readonly StateFile<SetbackContent> _file = new(Path.Combine(directory, FileName), SetbackJsonContext.Default.SetbackContent);
    private ImmutableArray<PendingSetback>? _kept;

    /// <summary>
    /// Makes these what stands there; the same ones again write nothing. Where they cannot be written the agent goes on: nothing is decided
    /// by them, and a full disk is no reason to leave devices.
    /// </summary>
    public void Keep(ImmutableArray<PendingSetback> pending)
    {
        if (_kept is { } kept ? pending.SequenceEqual(kept) : pending.IsEmpty && !File.Exists(_file.Path))
            return;
        try
        {
            _file.Write(new SetbackContent { BootId = bootId, Setbacks = [.. pending.Select(SetbackEntry.Of)] });
            _kept = pending;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _kept = null;
        }
    }

    /// <summary>What is not tried at this moment; nothing where the file cannot be read, because nothing is decided by it.</summary>
    public ImmutableDictionary<Purpose, Setback> Read(DateTimeOffset now)
    {
        var entries = _file.Read(c => c.BootId == bootId ? c.Setbacks.Select(e => e.ToPending()).ToList() : [], out _) ?? [];
        return entries.Where(e => e.Due > now).DistinctBy(e => e.Purpose).ToImmutableDictionary(e => e.Purpose, e => e.Setback);
    }
}

/// <param name="Due">Not before.</param>
public sealed record PendingSetback(Purpose Purpose, Setback Setback, DateTimeOffset Due);

internal sealed record SetbackContent
{
    public required string BootId { get; init; }

    public required ImmutableArray<SetbackEntry> Setbacks { get; init; }
}

internal sealed record SetbackEntry
{
    public required string Purpose { get; init; }

    public required Reason Reason { get; init; }

    public required string Message { get; init; }

    public required DateTimeOffset Due { get; init; }

    public static SetbackEntry Of(PendingSetback it) =>
        new()
        {
            Purpose = it.Purpose.ToString(),
            Reason = it.Setback.Reason,
            Message = it.Setback.Message,
            Due = it.Due,
        };

    /// <exception cref="FormatException">Its purpose is none.</exception>
    public PendingSetback ToPending() => new(Planning.Purpose.Parse(Purpose), new Setback(Reason, Message), Due);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    Converters = [typeof(ReasonConverter)]
)]
[JsonSerializable(typeof(SetbackContent))]
internal sealed partial class SetbackJsonContext : JsonSerializerContext;
