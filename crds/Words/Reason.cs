namespace Hostdev.Crds.Words;

/// <summary>
/// One word for why something is as it is: what programs decide by and admins look up. All there are stand in <see cref="Reasons"/>; two of
/// one name are the same word.
/// </summary>
public sealed record Reason
{
    internal Reason(string name, string cause, string remedy, Ends ends) => (Name, Cause, Remedy, Ends) = (name, cause, remedy, ends);

    /// <summary>CamelCase. It stands in objects that other versions read: it is never changed, and never given another meaning.</summary>
    public string Name { get; }

    /// <summary>What the guide says; empty of a word that this version does not know.</summary>
    public string Cause { get; }

    /// <summary>As <see cref="Cause"/>.</summary>
    public string Remedy { get; }

    public Ends Ends { get; }

    /// <summary>
    /// Somebody uses the device, and it goes on by itself when the use ends, whether the kernel, a process or a pod's answer tells of it.
    /// </summary>
    public bool IsUse { get; internal init; }

    /// <summary>Something is lacking that is not ours to make; what is there is offered all the same.</summary>
    public bool IsMissing { get; internal init; }

    /// <summary>Also where it stands in nobody's way it asks somebody to act. The other notices explain.</summary>
    public bool AsksToAct { get; internal init; }

    /// <summary>
    /// It takes from what keeps a VM apart: an Event tells of it by this very word, also where it stands in nobody's way.
    /// </summary>
    public bool VoidsIsolation { get; internal init; }

    /// <summary>An Event tells of it of each device by this very word, also where it stands in nobody's way.</summary>
    public bool IsNews { get; internal init; }

    /// <summary>While it holds nothing at all is written to the host.</summary>
    public bool StopsWrites { get; internal init; }

    /// <summary>Of a policy's result on a node: it has come as far as it can, and somebody should look.</summary>
    public bool IsTrouble { get; internal init; }

    public bool Equals(Reason? other) => other is not null && Name == other.Name;

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Name);

    /// <summary>Its <see cref="Name"/>.</summary>
    public override string ToString() => Name;
}
