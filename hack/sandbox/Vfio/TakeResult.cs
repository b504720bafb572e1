namespace Hostdev.Sandbox.Vfio;

/// <summary>The steps by which a VMM takes a device, in their order; the first ten by group, the rest by character device.</summary>
public enum TakeStep
{
    OpenContainer,
    GetApiVersion,
    OpenGroup,
    GetGroupStatus,
    SetContainer,
    SetIommu,
    GetDevice,
    GetDeviceInfo,
    GetConfigRegion,
    ReadConfig,
    OpenIommufd,
    OpenCdev,
    BindIommufd,
    AllocateAddressSpace,
    AttachAddressSpace,
}

/// <summary>What became of an attempt to take a device.</summary>
public abstract record TakeResult
{
    private TakeResult() { }

    /// <param name="Device">Held until it is disposed of.</param>
    public sealed record Taken(VfioDevice Device) : TakeResult;

    /// <summary>Nothing is held: whatever was opened on the way is closed again.</summary>
    /// <param name="Path">The node, or the device's name, that the step was about.</param>
    /// <param name="GroupViable">What the group said of itself, where the attempt came so far.</param>
    public sealed record Failed(TakeStep Step, string Path, Errno Errno, bool? GroupViable = null) : TakeResult
    {
        public override string ToString() =>
            $"{Step} on {Path}: {Errno}" + (GroupViable == false ? "; the group is not viable: a member is on a host driver" : "");
    }
}
