namespace Hostdev.Crds.Words;

/// <summary>
/// Something that takes from what keeps a VM apart from the host and from the next VM, or may keep the host itself waiting. Nothing is newly taken where it stands, unless a
/// policy names it in <c>acceptRisks</c>. All there are stand in <see cref="Risks"/>; two of one name are the same word.
/// </summary>
public sealed record Risk
{
    internal Risk(string name, RiskOf of, string cause, string remedy, string accepting, Ends ends)
    {
        Reason = new Reason(name, cause, $"{remedy}; or list it in `acceptRisks`", ends)
        {
            AsksToAct = true,
            VoidsIsolation = of != RiskOf.Driver,
        };
        (Of, Accepting) = (of, accepting);
    }

    /// <summary>What findings of it have: the same word, so that an admin writes what was read.</summary>
    public Reason Reason { get; }

    public string Name => Reason.Name;

    public RiskOf Of { get; }

    /// <summary>What whoever accepts it agrees to, as the guide says it.</summary>
    public string Accepting { get; }

    public bool Equals(Risk? other) => other is not null && Name == other.Name;

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Name);

    /// <summary>Its <see cref="Name"/>.</summary>
    public override string ToString() => Name;
}

/// <summary>What has a risk.</summary>
public enum RiskOf
{
    /// <summary>All that is passed on the host has it.</summary>
    Host,

    /// <summary>Every device of a host driver has it: what the driver does is known, or not, whichever device it has.</summary>
    Driver,

    /// <summary>One device has it, so that a policy accepts it of devices whose addresses it writes out.</summary>
    Device,
}
