namespace Hostdev.Kubectl.Answers;

/// <summary>How a device stands, in one word: the name is what is printed.</summary>
public enum DeviceUse
{
    /// <summary>The host's own: no policy asks for it, or nobody said why not.</summary>
    Host,

    /// <summary>Offered, healthy, and nobody has it.</summary>
    Free,

    /// <summary>A pod has it, or was just given it.</summary>
    Allocated,

    /// <summary>Its pod is gone, and a proof that nobody uses it is still lacking.</summary>
    Returning,

    /// <summary>It belongs to a resource and is not given out now.</summary>
    Unhealthy,

    /// <summary>Kept from being given out: by an admin, or until its policy could be applied to it.</summary>
    Cordoned,

    /// <summary>Taken from the host for another device.</summary>
    Held,

    /// <summary>Not offered until somebody changes something.</summary>
    Blocked,

    /// <summary>Not offered until a user lets go.</summary>
    Waiting,

    /// <summary>On its way back to the host.</summary>
    Releasing,
}

/// <summary>What is said of each <see cref="DeviceUse"/>.</summary>
public static class DeviceUses
{
    /// <summary>A sentence without its end.</summary>
    public static string Meaning(DeviceUse use) =>
        use switch
        {
            DeviceUse.Free => "offered, and no pod has it",
            DeviceUse.Allocated => "a pod has it",
            DeviceUse.Returning => "its pod is gone, and that nobody uses it is not proven yet",
            DeviceUse.Unhealthy => "it belongs to a resource, and is not given out now",
            DeviceUse.Cordoned => "not given out: an admin keeps it back, or its policy is about to change it",
            DeviceUse.Held => "taken from the host for another device, and not given to a VM",
            DeviceUse.Blocked => "not offered until somebody changes something",
            DeviceUse.Waiting => "not offered until a user lets go",
            DeviceUse.Releasing => "on its way back to the host",
            _ => "it is the host's",
        };
}
