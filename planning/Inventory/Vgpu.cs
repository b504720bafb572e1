using System.Collections.Immutable;

namespace Hostdev.Planning.Inventory;

/// <summary>
/// A virtual function of a card with "vendor VFIO" (NVIDIA, kernel 6.8 and later): its driver gives it a type, keeps it, and offers it to
/// VFIO as it is.
/// </summary>
/// <param name="TypeId">What <c>nvidia/current_vgpu_type</c> says; null for 0, which is none.</param>
/// <param name="Creatable">
/// What <c>nvidia/creatable_vgpu_types</c> lists: what the card has room for at this moment; nothing once there is a type.
/// </param>
public sealed record Vgpu(string? TypeId, ImmutableArray<VgpuType> Creatable)
{
    /// <summary>Its files could not be read: what it has is not known.</summary>
    public bool IsUnreadable { get; init; }

    /// <summary>What a reading of <c>nvidia/current_vgpu_type</c> means.</summary>
    /// <returns>False when it is no type's number.</returns>
    public static bool TryParseCurrent(string text, out string? typeId)
    {
        var number = text.Trim();
        typeId = number == "0" ? null : number;
        return number.Length > 0 && number.All(char.IsAsciiDigit);
    }
}

/// <param name="Id">Its number.</param>
/// <param name="Name">For example <c>NVIDIA L40S-1B</c>.</param>
public sealed record VgpuType(string Id, string Name)
{
    /// <summary>
    /// The types of a <c>creatable_vgpu_types</c> file, in its order. Lines that are no <c>number : name</c>, such as its first, say
    /// nothing.
    /// </summary>
    public static ImmutableArray<VgpuType> ParseList(string text) => [.. text.Split('\n').Select(Parse).OfType<VgpuType>()];

    private static VgpuType? Parse(string line)
    {
        var colon = line.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
            return null;
        var (id, name) = (line[..colon].TrimEnd(), line[(colon + 1)..].Trim());
        return id.Length > 0 && id.All(char.IsAsciiDigit) && name.Length > 0 ? new VgpuType(id, name) : null;
    }
}
