using System.Diagnostics.CodeAnalysis;
using Hostdev.Crds;
using Hostdev.Crds.Parsing;

namespace Hostdev.Planning;

/// <summary>
/// What a step is for. A failure is remembered under it, and how often it was done again: so it has one text, which files have, and one
/// parser.
/// </summary>
/// <param name="Device">
/// The unit of <see cref="PurposeVerb.Take"/>, the physical function of <see cref="PurposeVerb.Vfs"/> and
/// <see cref="PurposeVerb.Prepare"/>, else the device itself.
/// </param>
public sealed record Purpose(PurposeVerb Verb, DeviceId Device) : IComparable<Purpose>
{
    private static readonly (PurposeVerb Verb, string Word)[] s_words =
    [
        (PurposeVerb.Release, "release"),
        (PurposeVerb.Reset, "reset"),
        (PurposeVerb.Take, "take"),
        (PurposeVerb.Vfs, "vfs"),
        (PurposeVerb.Prepare, "prepare"),
        (PurposeVerb.Set, "set"),
    ];

    public static Purpose Release(DeviceId device) => new(PurposeVerb.Release, device);

    public static Purpose Reset(DeviceId device) => new(PurposeVerb.Reset, device);

    public static Purpose Take(DeviceId unit) => new(PurposeVerb.Take, unit);

    public static Purpose Vfs(DeviceId physicalFunction) => new(PurposeVerb.Vfs, physicalFunction);

    public static Purpose Prepare(DeviceId physicalFunction) => new(PurposeVerb.Prepare, physicalFunction);

    public static Purpose Set(DeviceId device) => new(PurposeVerb.Set, device);

    public static bool TryParse(string text, [NotNullWhen(true)] out Purpose? purpose)
    {
        purpose =
            text.Split(' ') is [var word, var device] && DeviceId.TryParse(device, out var id)
                ? s_words.Where(w => w.Word == word).Select(w => new Purpose(w.Verb, id)).FirstOrDefault()
                : null;
        return purpose is not null;
    }

    /// <exception cref="FormatException">It is none; the message has the form.</exception>
    public static Purpose Parse(string text) =>
        TryParse(text, out var purpose)
            ? purpose
            : throw new FormatException(
                $"\"{text}\" is no purpose: {string.Join(", ", s_words.Select(w => w.Word))} and a device, for example take 0000:3b:00.0"
            );

    /// <summary>By verb, then by device.</summary>
    public int CompareTo(Purpose? other) =>
        other is null ? 1
        : Verb != other.Verb ? Verb.CompareTo(other.Verb)
        : Device.CompareTo(other.Device);

    public static bool operator <(Purpose left, Purpose right) => left.CompareTo(right) < 0;

    public static bool operator >(Purpose left, Purpose right) => left.CompareTo(right) > 0;

    public static bool operator <=(Purpose left, Purpose right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Purpose left, Purpose right) => left.CompareTo(right) >= 0;

    public override string ToString() => $"{s_words.First(w => w.Verb == Verb).Word} {Device}";
}

public enum PurposeVerb
{
    /// <summary>A device goes back to the host.</summary>
    Release,

    /// <summary>A broken device is reset.</summary>
    Reset,

    /// <summary>A unit is taken from the host.</summary>
    Take,

    /// <summary>A physical function gets its virtual functions, or loses them.</summary>
    Vfs,

    /// <summary>What a physical function is set to before virtual functions are made.</summary>
    Prepare,

    /// <summary>What a function is set to when its virtual functions, or it, are there.</summary>
    Set,
}

public sealed class PurposeConverter() : ParsedStringConverter<Purpose>(Purpose.Parse);
