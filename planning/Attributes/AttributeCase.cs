using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Attributes;

/// <summary>A file that a policy wants written, and what decides whether it is.</summary>
internal sealed record AttributeCase(Situation Situation, AttributeTarget Target) : ICase
{
    /// <summary>Null while nobody has looked: then nothing is known of it, and nothing is done.</summary>
    public AttributeReading? Reading => Situation.Input.Attributes.GetValueOrDefault(Target.File);

    public OwnedAttribute? Owned => Situation.OwnedAttributes.GetValueOrDefault(Target.File);

    /// <summary>It is as it is to be, or as the driver has made of it what was asked.</summary>
    public bool IsSet =>
        Reading is { Complaint: null } reading
        && (reading.Text is { } text ? AttributeValue.Shows(text, Target.Value) || (WasWritten && text == Owned!.Reads) : WasWritten);

    public bool IsDue => Reading is not null && Target.IsTimely && !IsSet && !IsTheGuests;

    /// <summary>The function, where its driver keeps it from being written.</summary>
    public PciFunction? Bound =>
        Target.NeedsUnbound
        && Target.File.Device.AsPci is { } address
        && Situation.Inventory.Functions.GetValueOrDefault(address) is { Driver: not null } function
            ? function
            : null;

    /// <summary>
    /// Who has the virtual function for which this would be new: what somebody has is not changed under him, and put back as he got it.
    /// </summary>
    public ImmutableArray<DeviceUser> Affected => Changes ? Users : [];

    /// <summary>It is a virtual function's, and was not so before.</summary>
    public bool Changes => Target.File.Vf is not null && !WasWritten;

    /// <summary>Who has it may give himself another address, where it is trusted.</summary>
    private bool IsTheGuests => WasWritten && Target.File.Name.EndsWith(" " + VfSettings.Mac, StringComparison.Ordinal) && !Users.IsEmpty;

    private ImmutableArray<DeviceUser> Users => Situation.Input.Usage.UsersOf(Target.Subject);

    private bool WasWritten => Owned is { IsSet: true } owned && owned.Asked == Target.Value;

    public Finding Say(FindingState state, Reason reason, string message) =>
        new(Target.Policy, Target.File.Device.ToString(), state, reason, message);
}
