using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Hostdev.Crds.Parsing;

namespace Hostdev.Crds;

/// <summary>
/// A SCSI logical unit, as <c>scsi-</c> and 16 hexadecimal digits: a hash of its controller, of what tells it from others there, and of its
/// LUN. <c>host:channel:target:lun</c> is no identity, because the kernel gives the lowest free host number at every boot and bind.
/// </summary>
[JsonConverter(typeof(ScsiDiskConverter))]
public readonly record struct ScsiDisk : IComparable<ScsiDisk>
{
    internal const string Example = "scsi-0123456789abcdef";

    private const string Prefix = "scsi-";
    private const int Digits = 16;

    private static readonly SearchValues<char> s_digits = SearchValues.Create("0123456789abcdef");

    private ScsiDisk(string hash) => Hash = hash;

    /// <summary>16 digits, lower case.</summary>
    public string Hash { get; }

    /// <param name="controller">The path in sysfs of the device that the host adapter is.</param>
    /// <param name="name">Its wwid, or else its serial number.</param>
    public static ScsiDisk Of(string controller, string name, ulong lun)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{controller}\n{name}\n{lun}"));
        return new ScsiDisk(Convert.ToHexStringLower(hash)[..Digits]);
    }

    public static bool TryParse([NotNullWhen(true)] string? text, out ScsiDisk disk)
    {
        var isOne =
            text?.Length == Prefix.Length + Digits
            && text.StartsWith(Prefix, StringComparison.Ordinal)
            && text.AsSpan(Prefix.Length).IndexOfAnyExcept(s_digits) < 0;
        disk = isOne ? new ScsiDisk(text![Prefix.Length..]) : default;
        return isOne;
    }

    /// <exception cref="FormatException">It is none; the message has the form.</exception>
    public static ScsiDisk Parse(string text) =>
        TryParse(text, out var disk) ? disk : throw new FormatException($"\"{text}\" is no SCSI disk: {Example} is one");

    public int CompareTo(ScsiDisk other) => string.CompareOrdinal(Hash, other.Hash);

    public static bool operator <(ScsiDisk left, ScsiDisk right) => left.CompareTo(right) < 0;

    public static bool operator >(ScsiDisk left, ScsiDisk right) => left.CompareTo(right) > 0;

    public static bool operator <=(ScsiDisk left, ScsiDisk right) => left.CompareTo(right) <= 0;

    public static bool operator >=(ScsiDisk left, ScsiDisk right) => left.CompareTo(right) >= 0;

    public override string ToString() => Prefix + Hash;
}
