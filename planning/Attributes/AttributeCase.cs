using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Attributes;

/// <summary>A file that a policy wants written, and what decides whether it is.</summary>
internal sealed record AttributeCase(Situation Situation, AttributeTarget Target) : ICase
{
    /// <summary>Null while nobody has looked: then nothing is known of it, and nothing is done.</summary>
    public AttributeReading? Reading => Situation.Input.Attributes.GetValueOrDefault(Target.File);

    public OwnedAttribute? Owned => Situation.Input.Ownership.Attribute(Target.File);

    /// <summary>It is as it is to be, or as the driver has made of it what was asked.</summary>
    public bool IsSet =>
        Reading is { Complaint: null } reading
        && (reading.Text is { } text ? AttributeValue.Shows(text, Target.Value) || (WasWritten && text == Owned!.Reads) : WasWritten);

    public bool IsDue => Reading is not null && Target.IsTimely && !IsSet;

    /// <summary>The function, where its driver keeps it from being written.</summary>
    public PciFunction? Bound =>
        Target.Kind.NeedsUnbound
        && Target.File.Device.AsPci is { } address
        && Situation.Inventory.Functions.GetValueOrDefault(address) is { Driver: not null } function
            ? function
            : null;

    private bool WasWritten => Owned is { IsSet: true } owned && owned.Asked == Target.Value;

    public Finding Say(FindingState state, Reason reason, string message) =>
        new(Target.Policy, Target.File.Device.ToString(), state, reason, message);
}
