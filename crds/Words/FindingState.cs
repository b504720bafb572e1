using System.Collections.Immutable;

namespace Hostdev.Crds.Words;

/// <summary>
/// How a finding stands to its device: what programs decide by beside its <see cref="Reason"/>. Two of one name are the same word.
/// </summary>
public sealed record FindingState
{
    /// <summary>Cannot be offered until somebody changes something.</summary>
    public static readonly FindingState Blocked = new("Blocked", "needs somebody to change something") { IsInTheWay = true };

    /// <summary>Will go on by itself when a user lets go.</summary>
    public static readonly FindingState Waiting = new("Waiting", "goes on by itself when a user lets go")
    {
        IsInTheWay = true,
        GoesOn = true,
    };

    /// <summary>Taken from the host for a unit, not given to a VM.</summary>
    public static readonly FindingState Held = new("Held", "taken from the host for another device, and no problem") { IsRemark = true };

    /// <summary>Given back as soon as nobody has it: no policy wants it any more.</summary>
    public static readonly FindingState Releasing = new("Releasing", "on its way back to the host") { GoesOn = true };

    /// <summary>Nothing stands in the way, and an admin should know all the same.</summary>
    public static readonly FindingState Noticed = new("Noticed", "worth knowing, and in nobody's way") { IsRemark = true };

    /// <summary>
    /// Found on a passthrough driver without a record of ours: offered where a policy wants it, and never given to another driver.
    /// </summary>
    public static readonly FindingState Adopted = new("Adopted", "used as it was found, and no problem") { IsRemark = true };

    /// <summary>A risk that the policy accepts by name.</summary>
    public static readonly FindingState Accepted = new("Accepted", "a risk that the policy accepts by name") { IsRemark = true };

    private FindingState(string name, string meaning) => (Name, Meaning) = (name, meaning);

    public static ImmutableArray<FindingState> All { get; } = [Blocked, Waiting, Held, Noticed, Accepted, Adopted, Releasing];

    /// <summary>It stands in objects that other versions read: it is never changed.</summary>
    public string Name { get; }

    /// <summary>What the guide says; empty of a word that this version does not know.</summary>
    public string Meaning { get; }

    /// <summary>The device is not offered for it, or not as the policy asks.</summary>
    public bool IsInTheWay { get; private init; }

    /// <summary>It ends without anybody's doing for it.</summary>
    public bool GoesOn { get; private init; }

    /// <summary>It says how things stand, and nothing is left to do.</summary>
    public bool IsRemark { get; private init; }

    /// <summary>
    /// What a word means that was read from an object. One that this version does not know is a state all the same: not in the way, and no
    /// remark either.
    /// </summary>
    public static FindingState Of(ReadOnlySpan<char> name)
    {
        foreach (var state in All)
        {
            if (name.SequenceEqual(state.Name))
                return state;
        }

        return new FindingState(name.ToString(), "");
    }

    public bool Equals(FindingState? other) => other is not null && Name == other.Name;

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Name);

    /// <summary>Its <see cref="Name"/>.</summary>
    public override string ToString() => Name;
}
