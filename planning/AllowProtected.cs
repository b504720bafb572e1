using Hostdev.Crds;

namespace Hostdev.Planning;

/// <summary>What a policy must say of devices whose protection it overrides.</summary>
public static class AllowProtected
{
    /// <summary>That by which a device of this class is named in a selector, as "its serial or wwid".</summary>
    public static string NameOf(DeviceId device) =>
        device.Class switch
        {
            DeviceClass.Usb => "its port",
            DeviceClass.Scsi => "its serial or wwid",
            _ => "the address",
        };
}
