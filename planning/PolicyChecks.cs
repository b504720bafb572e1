using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>What keeps a policy from wishing anything, whatever devices there are, and what is to be known of it as a whole.</summary>
internal static class PolicyChecks
{
    public static Checks<PolicyCase> All { get; } = new(Attributes, OpenToOthers);

    /// <summary>
    /// Of versions before, which said so too: in which order it is meant nobody knows, and a device without what was to be written to it
    /// would be another one than was asked for (docs/adr/0031).
    /// </summary>
    private static Objection? Attributes(PolicyCase it) =>
        it.Policy is DesiredPolicy.OfMdevProfile { Spec.Attributes.Count: > 0 }
            ? Objection.Of(
                Reasons.NotSupported,
                $"{it.Policy.Identity}: spec.attributes has no order, and is not written: move what it says to "
                    + "spec.instances.attributes, a list of file and value in the order of writing"
            )
            : null;

    /// <summary>What is new is not followed with such a mode (crds/Rules/CommonRules); what is, was in force before that.</summary>
    private static Objection? OpenToOthers(PolicyCase it) =>
        it.Policy.Common?.DeviceFile is { Mode: { IsOpenToOthers: true } mode }
            ? Objection.Notices(
                Reasons.OpenToOthers,
                $"{it.Policy.Identity}: deviceFile.mode {mode} gives every user of the host its devices. It was in force before this was "
                    + $"refused, and stays so: write \"{mode.ToOwnerAndGroup()}\" there"
            )
            : null;
}
