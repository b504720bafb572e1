using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>What keeps a policy from wishing anything, whatever devices there are.</summary>
internal static class PolicyChecks
{
    public static Checks<PolicyCase> All { get; } = new(OtherDevices, OtherBinding, OnDemand);

    private static Objection? OtherDevices(PolicyCase it)
    {
        if (it.Policy is not DesiredPolicy.OfHostDevice { Spec.Devices: { Pci: null } devices })
            return null;
        var kind = devices.Usb is null ? "SCSI" : "USB";
        return NotSupported($"{it.Policy.Identity}: {kind} devices cannot be passed by this version: remove the policy");
    }

    private static Objection? OtherBinding(PolicyCase it) =>
        it.Policy is DesiredPolicy.OfHostDevice { Spec.Binding: Binding.OnAllocate }
            ? NotSupported($"{it.Policy.Identity}: binding OnAllocate is not supported by this version: use binding Static")
            : null;

    private static Objection? OnDemand(PolicyCase it) =>
        it.Policy is DesiredPolicy.OfMdevProfile { Spec.Instances.Mode: MdevMode.OnDemand }
            ? NotSupported($"{it.Policy.Identity}: mode OnDemand is not supported by this version: use mode Static")
            : null;

    private static Objection? NotSupported(string message) => Objection.Of(Reasons.NotSupported, message);
}
