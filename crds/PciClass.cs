using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Hostdev.Crds;

/// <summary>
/// A PCI class code or the beginning of one: base class (<c>03</c>), with subclass (<c>0300</c>), with programming interface
/// (<c>030000</c>).
/// </summary>
public readonly record struct PciClass(string Digits)
{
    internal const string Form = "write two, four or six hexadecimal digits in quotes, for example \"03\" or \"0300\"";

    public static bool TryParse([NotNullWhen(true)] string? text, out PciClass value)
    {
        value = new PciClass(text?.ToLowerInvariant() ?? "");
        return text is { Length: 2 or 4 or 6 } && text.All(char.IsAsciiHexDigit);
    }

    public static PciClass Parse(string text) =>
        TryParse(text, out var value) ? value : throw new FormatException($"\"{text}\" is no PCI class: {Form}");

    /// <summary>All six digits of a function's 24-bit class code.</summary>
    public static PciClass Of(uint classCode) => new(classCode.ToString("x6", CultureInfo.InvariantCulture));

    /// <summary>Whether a function's 24-bit class code begins with these digits.</summary>
    public bool Matches(uint classCode) =>
        classCode.ToString("x6", CultureInfo.InvariantCulture).StartsWith(Digits, StringComparison.Ordinal);

    public override string ToString() => Digits;
}
