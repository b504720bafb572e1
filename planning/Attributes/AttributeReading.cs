namespace Hostdev.Planning.Attributes;

/// <summary>What a look at an attribute's file found.</summary>
/// <param name="Text">Null for one that may only be written, and where there is a complaint.</param>
/// <param name="Complaint">Why it can be neither compared nor written, going on after the path, with the remedy; null when it can.</param>
public sealed record AttributeReading(string? Text, string? Complaint = null)
{
    /// <summary>A file without permission to read: what it is set to cannot be seen.</summary>
    public static AttributeReading WriteOnly { get; } = new((string?)null);

    /// <summary>The file, or its device, is not there.</summary>
    public bool IsAbsent { get; init; }
}
