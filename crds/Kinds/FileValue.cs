using System.Collections.Immutable;

namespace Hostdev.Crds.Kinds;

/// <summary>A file of a device, and what is written to it.</summary>
public sealed record FileValue
{
    /// <summary>Below the device's directory, one of <see cref="Words.WritableFiles"/>.</summary>
    public required string File { get; init; }

    /// <summary>Written as it stands, without a line end.</summary>
    public required string Value { get; init; }
}

/// <summary>A file of a physical function or of some of its virtual functions, and what is written to it.</summary>
public sealed record SriovAttribute
{
    /// <summary>One of <see cref="Words.WritableFiles"/>; <c>vfN</c> in it stands for the number of a virtual function.</summary>
    public required string File { get; init; }

    public required string Value { get; init; }

    /// <summary>Whose it is, by index; null is the physical function.</summary>
    public ImmutableArray<VfRange>? Vfs { get; init; }

    public AttributeTime When { get; init; }
}

public enum AttributeTime
{
    /// <summary>When the virtual functions are there, before they get their drivers.</summary>
    AfterVfs,

    /// <summary>Before virtual functions are made.</summary>
    BeforeVfs,
}
