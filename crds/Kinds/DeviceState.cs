namespace Hostdev.Crds.Kinds;

/// <summary>
/// Who has taken a device, as the sentence of <see cref="DeviceStatus.State"/>: agents write it by <see cref="ToString"/>, and whoever
/// reads a status reads it back by <see cref="Read"/>.
/// </summary>
public abstract record DeviceState
{
    private const string OfferedAs = "Offered as ";
    private const string NotOfferedAs = "Not offered as ";
    private const string NotOfferedBefore = "Not offered: ";

    private DeviceState() { }

    /// <summary>The kubelet has it to give, or has given it.</summary>
    public sealed record Offered(string Resource) : DeviceState
    {
        public override string ToString() => OfferedAs + Resource;
    }

    /// <summary>It belongs to a resource and is not given out now.</summary>
    /// <param name="Resource">Null where an agent of the version before wrote it, which did not say.</param>
    public sealed record NotOffered(string? Resource, string Why) : DeviceState
    {
        public override string ToString() => Resource is null ? NotOfferedBefore + Why : $"{NotOfferedAs}{Resource}: {Why}";
    }

    /// <summary>Taken from the host, and not for itself: <c>Held by 0000:43:00.0 (...)</c>. The whole sentence.</summary>
    public sealed record Taken(string Sentence) : DeviceState
    {
        public override string ToString() => Sentence;
    }

    /// <summary>Null for a device that is the host's. Every other text means something: what is not known is a sentence.</summary>
    public static DeviceState? Read(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return null;
        if (text.StartsWith(OfferedAs, StringComparison.Ordinal))
            return new Offered(text[OfferedAs.Length..]);
        if (text.StartsWith(NotOfferedBefore, StringComparison.Ordinal))
            return new NotOffered(null, text[NotOfferedBefore.Length..]);
        var isNotOffered = text.StartsWith(NotOfferedAs, StringComparison.Ordinal);
        return isNotOffered && text[NotOfferedAs.Length..].Split(": ", 2) is [var resource, var why]
            ? new NotOffered(resource, why)
            : new Taken(text);
    }
}
