namespace Hostdev.Planning.Attributes;

/// <summary>A file that we wrote, or were about to.</summary>
/// <param name="Original">What is written to have it as it was before us; null where that could not be read.</param>
/// <param name="Asked">What we wrote last, or were about to.</param>
/// <param name="PolicyUid">The policy it was written for.</param>
public sealed record OwnedAttribute(AttributeFile File, string? Original, string Asked, string PolicyUid)
{
    /// <summary>Whether that write has got through.</summary>
    public bool IsSet { get; init; }

    /// <summary>What it read after that write; null where it cannot be read.</summary>
    public string? Reads { get; init; }

    /// <summary>Whether what the file reads now is what we have made of it, and not another hand's.</summary>
    public bool IsOurs(string text) => AttributeValue.Shows(text, Asked) || (IsSet && text == Reads);
}
