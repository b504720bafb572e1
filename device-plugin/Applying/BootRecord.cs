using System.Text.Json.Serialization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// Counts the boots that ended while one desired state was being applied: <c>boots.json</c> in the state directory. It is opened, on disk,
/// before the first write and closed when the machine has lived for <see cref="Proof"/> after the last one; a boot that ends in between has
/// ended within that desired state. Thread-safe.
/// </summary>
public sealed class BootRecord
{
    public const string FileName = "boots.json";

    /// <summary>How many boots may end within one desired state before it is not applied again.</summary>
    public const int Limit = 2;

    /// <summary>
    /// How long the machine must live after the last write: long enough that a crash caused by it comes first, and that pods start on what
    /// was taken.
    /// </summary>
    public static readonly TimeSpan Proof = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly StateFile<BootRecordContent> _file;
    private readonly string _bootId;
    private readonly TimeProvider _time;
    private BootRecordContent? _open;
    private DateTimeOffset _lastWork;

    public BootRecord(string directory, string bootId, TimeProvider time)
    {
        var path = System.IO.Path.Combine(directory, FileName);
        _file = new StateFile<BootRecordContent>(path, BootRecordJsonContext.Default.BootRecordContent);
        (_bootId, _time, _lastWork) = (bootId, time, time.GetUtcNow());
        // It is replaced whole, so what cannot be read was not written by an agent; it is no reason to leave a machine without its devices.
        _open = _file.Read(c => c, out _);
    }

    public string Path => _file.Path;

    /// <summary>When what was done counts as harmless; null when nothing is open, or stands until an admin acts.</summary>
    public DateTimeOffset? ProvenAt
    {
        get
        {
            lock (_gate)
                return _open is null || Ended(_open) >= Limit ? null : _lastWork + Proof;
        }
    }

    /// <summary>
    /// How many boots ended within this desired state, when they are so many that it must not be applied again; else null. Removing the
    /// file lifts it.
    /// </summary>
    public int? Stops(string desired)
    {
        lock (_gate)
        {
            if (_open is not { } open || open.Desired != desired || Ended(open) < Limit)
                return null;
            if (File.Exists(Path))
                return Ended(open);
            _open = null;
            return null;
        }
    }

    /// <summary>Something is about to be written to the host for this desired state.</summary>
    public void Begin(string desired)
    {
        lock (_gate)
        {
            _lastWork = _time.GetUtcNow();
            if (_open is { } open && open.Desired == desired && open.BootId == _bootId)
                return;
            _open = new BootRecordContent
            {
                Desired = desired,
                BootId = _bootId,
                Ended = _open is { } earlier && earlier.Desired == desired ? Ended(earlier) : 0,
            };
            _file.Write(_open);
        }
    }

    /// <summary>Writing has paused: the time of proof runs from here.</summary>
    public void Pause()
    {
        lock (_gate)
            _lastWork = _time.GetUtcNow();
    }

    /// <summary>Closes the record when the time of proof is over.</summary>
    public void CloseWhenProven()
    {
        lock (_gate)
        {
            if (ProvenAt is { } due && due <= _time.GetUtcNow())
                Close();
        }
    }

    /// <summary>The agent is asked to end and nothing is under way: if this boot ends now, it is by somebody's will.</summary>
    public void CloseInOrder()
    {
        lock (_gate)
        {
            if (ProvenAt is not null)
                Close();
        }
    }

    private void Close()
    {
        _open = null;
        _file.Delete();
    }

    private int Ended(BootRecordContent content) => content.Ended + (content.BootId == _bootId ? 0 : 1);
}

internal sealed record BootRecordContent
{
    /// <summary>The fingerprint of the desired state.</summary>
    public required string Desired { get; init; }

    /// <summary>The boot in which it is being applied.</summary>
    public required string BootId { get; init; }

    /// <summary>How many boots before that one ended within it.</summary>
    public required int Ended { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BootRecordContent))]
internal sealed partial class BootRecordJsonContext : JsonSerializerContext;
