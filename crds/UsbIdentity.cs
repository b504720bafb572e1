using System.Diagnostics.CodeAnalysis;

namespace Hostdev.Crds;

/// <summary>
/// What a USB device says that it is, beside the socket that it is in, as <c>1050:0407</c> or, with a serial number,
/// <c>1050:0407:0042</c>.
/// </summary>
/// <param name="Serial">Any text; null when it reports none.</param>
public sealed record UsbIdentity(PciId Vendor, PciId Product, string? Serial)
{
    public static bool TryParse(string text, [NotNullWhen(true)] out UsbIdentity? identity)
    {
        identity =
            text.Split(':', 3) is [var vendor, var product, .. var serial]
            && PciId.TryParse(vendor, out var v)
            && PciId.TryParse(product, out var p)
                ? new UsbIdentity(v, p, serial is [var s] ? s : null)
                : null;
        return identity is not null;
    }

    public override string ToString() => $"{Vendor}:{Product}{(Serial is null ? "" : ":" + Serial)}";
}
