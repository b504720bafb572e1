using System.Globalization;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// How sysfs handlers read numbers and truth values (lib/kstrtox.c, base 0): one newline at the end is allowed, nothing else.
/// </summary>
internal static class KernelNumber
{
    public static bool TryUnsigned(string text, out ulong value)
    {
        value = 0;
        if (text.EndsWith('\n'))
            text = text[..^1];
        if (text.StartsWith('+'))
            text = text[1..];
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        if (text.Length < 2 || text[0] != '0')
            return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        foreach (var digit in text.AsSpan(1))
        {
            if (digit is < '0' or > '7')
                return false;
            value = (value * 8) + (ulong)(digit - '0');
        }

        return true;
    }

    /// <summary>kstrtobool: only the first character counts (and the second after an o).</summary>
    public static bool? Truth(string text) =>
        text switch
        {
            ['y' or 'Y' or 't' or 'T' or '1', ..] or ['o' or 'O', 'n' or 'N', ..] => true,
            ['n' or 'N' or 'f' or 'F' or '0', ..] or ['o' or 'O', 'f' or 'F', ..] => false,
            _ => null,
        };
}
