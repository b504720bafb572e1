namespace Hostdev.Crds.Words;

/// <summary>
/// Something that takes from what keeps a VM apart from the host and from the next VM, or may keep the host waiting. Nothing is newly
/// taken where it stands, unless a policy names it in <c>acceptRisks</c>. All there are stand in <see cref="Risks"/>; two of one name are
/// the same word.
/// </summary>
public sealed record Risk
{
    /// <param name="saidAs">The word of its findings, where that is another one than its name.</param>
    internal Risk(string name, RiskOf of, string cause, string remedy, string accepting, Ends ends, string? saidAs = null)
    {
        var listed = saidAs is null ? "it" : $"`{name}`";
        Reason = new Reason(saidAs ?? name, cause, $"{remedy}; or list {listed} in `acceptRisks`", ends)
        {
            AsksToAct = true,
            VoidsIsolation = of != RiskOf.Driver,
        };
        (Name, Of, Accepting) = (name, of, accepting);
    }

    /// <summary>
    /// What findings of it have: its own name, so that an admin writes what was read. Another word only where the name says what is
    /// accepted and would not say what is wrong; what a finding tells an admin to write is the name.
    /// </summary>
    public Reason Reason { get; }

    /// <summary>The word by which a policy accepts it.</summary>
    public string Name { get; }

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
