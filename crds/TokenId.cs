using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Hostdev.Crds;

/// <summary>
/// What names a token of a companion's resource to the kubelet, in the ledger and in a status. It stands for no device, and is none: a UUID
/// of version 8 (RFC 9562) with 48 bits of a hash of the name. A version that knows no tokens reads the IDs of its ledger as devices, and
/// takes it for the UUID of a mediated device that is not there.
/// </summary>
public static class TokenId
{
    /// <summary>The first six bytes of every token: <c>tokens</c> in ASCII.</summary>
    private const string Prefix = "746f6b65-6e73-8";

    private const int Length = 36;

    /// <summary>Hexadecimal digits at the end, which number the tokens of one name.</summary>
    private const int NumberDigits = 6;

    /// <summary>The same for ever.</summary>
    /// <param name="number">From 0 on, below 2^24.</param>
    public static string Of(ResourceName name, int number) => StemOf(name) + number.ToString("x6", CultureInfo.InvariantCulture);

    /// <summary>Whether an ID is a token, of whatever name.</summary>
    public static bool Is(string id) => id.Length == Length && id.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Whether an ID is a token of this name, whoever tells of it.</summary>
    public static bool Is(string id, ResourceName name) =>
        id.Length == Length && id.StartsWith(StemOf(name), StringComparison.Ordinal) && id[^NumberDigits..].All(char.IsAsciiHexDigitLower);

    private static string StemOf(ResourceName name)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("companion\0" + name.Value)));
        return $"{Prefix}{hash[..3]}-8{hash[3..6]}-{hash[6..12]}";
    }
}
