namespace Hostdev.DevicePlugin.Planning;

/// <summary>Every reason that findings, results and refusals carry. One line each: cause; remedy.</summary>
public static class Reasons
{
    /// <summary>Cause: the host gives the device no IOMMU group. Remedy: switch the IOMMU on in the firmware and on the kernel command line.</summary>
    public const string NoIommu = "NoIommu";

    /// <summary>Cause: the IOMMU does not remap interrupts. Remedy: switch it on in the firmware; remove intremap=off.</summary>
    public const string NoInterruptRemapping = "NoInterruptRemapping";

    /// <summary>Cause: the driver is not loaded. Remedy: modprobe it, and list it in /etc/modules-load.d.</summary>
    public const string DriverMissing = "DriverMissing";

    /// <summary>Cause: the group has members that the policy does not declare. Remedy: declare them, or choose another groupPolicy.</summary>
    public const string UndeclaredSiblings = "UndeclaredSiblings";

    /// <summary>
    /// Cause: the firmware demands direct mappings for the group, and the kernel gives it to no VM then. Remedy: a firmware setting, or
    /// another slot.
    /// </summary>
    public const string NotEligible = "NotEligible";

    /// <summary>
    /// Cause: the device is there by the driver of another one, which would have to be taken too. Remedy: pass that one itself.
    /// </summary>
    public const string Ancestor = "Ancestor";

    /// <summary>
    /// Cause: a reset of the device would reset others that are not the VM's, so that it is not done. Remedy: another slot, where it
    /// matters.
    /// </summary>
    public const string SharedReset = "SharedReset";

    /// <summary>
    /// Cause: a bridge of the group, or a member that is no PCI function, is on a driver that VFIO does not accept. Remedy: unbind it.
    /// </summary>
    public const string GroupNotViable = "GroupNotViable";

    /// <summary>Cause: the host needs the device. Remedy: free it, or name the protection in allowProtected.</summary>
    public const string Protected = "Protected";

    /// <summary>Cause: somebody uses the device. Remedy: wait, or end the use.</summary>
    public const string InUse = "InUse";

    /// <summary>Cause: a policy of higher precedence has the device. Remedy: narrow one of the two.</summary>
    public const string ClaimedByOther = "ClaimedByOther";

    /// <summary>Cause: more virtual functions are asked for than the device has. Remedy: lower numVfs, or raise it in firmware.</summary>
    public const string TooManyVfs = "TooManyVfs";

    /// <summary>
    /// Cause: the driver made another number of virtual functions than was asked for. Remedy: set numVfs to it, or see dmesg.
    /// </summary>
    public const string OtherVfNumber = "OtherVfNumber";

    /// <summary>Cause: a pool names virtual functions that are not there. Remedy: make them, or lower last.</summary>
    public const string NoVfs = "NoVfs";

    /// <summary>Cause: the device has no SR-IOV capability. Remedy: select another, or enable it in firmware.</summary>
    public const string NoSriov = "NoSriov";

    /// <summary>Cause: the physical function has no driver that can make virtual functions. Remedy: bind its driver.</summary>
    public const string PhysicalFunctionUnbound = "PhysicalFunctionUnbound";

    /// <summary>Cause: virtual functions that Hostdev did not make. Remedy: remove them, set numVfs alike, or use management External.</summary>
    public const string ForeignVfs = "ForeignVfs";

    /// <summary>Cause: virtual functions exist on a device that is to be passed whole. Remedy: remove them.</summary>
    public const string HasVirtualFunctions = "HasVirtualFunctions";

    /// <summary>Cause: sriov_numvfs could not be read in time. Remedy: look for a blocked PCI operation.</summary>
    public const string SriovBusy = "SriovBusy";

    /// <summary>Cause: a file of the device in sysfs cannot be read or understood, so that what it is would be a guess. Remedy: as the message says; it is left as it is.</summary>
    public const string Unreadable = "Unreadable";

    /// <summary>Cause: two policies use one resource name for different transports, or names whose KubeVirt env names collide. Remedy: rename one.</summary>
    public const string ResourceNameConflict = "ResourceNameConflict";

    /// <summary>Cause: a write failed or did not take effect. Remedy: as the message says; it is tried again later.</summary>
    public const string StepFailed = "StepFailed";

    /// <summary>Cause: a write did not return in time. Remedy: look for the process that holds the device.</summary>
    public const string StepTimedOut = "StepTimedOut";

    /// <summary>Cause: the device does not answer, or reported fatal errors. Remedy: none while it is being reset; otherwise as the message says.</summary>
    public const string Faulty = "Faulty";

    /// <summary>Cause: the journal cannot be read, and giving back without it would be a guess. Remedy: as the message says.</summary>
    public const string JournalDamaged = "JournalDamaged";

    /// <summary>Cause: the host has booted, the device was not in force before, and whether it is wanted could not be asked yet. Remedy: restore the connection to the API server.</summary>
    public const string Unconfirmed = "Unconfirmed";

    /// <summary>Cause: an interface, driver or slot by which a function was chosen has another name now. Remedy: write the new name or the address; what is in force stays.</summary>
    public const string NameChanged = "NameChanged";

    /// <summary>
    /// Cause: KubeVirt reads PCI domains of four digits only. Remedy: another slot, or the firmware setting that makes the domain; other
    /// software can use the device.
    /// </summary>
    public const string DomainTooLong = "DomainTooLong";

    /// <summary>
    /// Cause: KubeVirt's own device plugin offers the device too. Remedy: externalResourceProvider on its entry, or the entry away.
    /// </summary>
    public const string OfferedByKubeVirt = "OfferedByKubeVirt";

    /// <summary>Cause: a name has moved from the function that is in force by it to another one. Remedy: write addresses.</summary>
    public const string NameMoved = "NameMoved";

    /// <summary>A sibling is taken from the host and not given to the VM.</summary>
    public const string HeldSibling = "HeldSibling";

    /// <summary>No policy wants it any more; somebody still has it.</summary>
    public const string ReleaseWaits = "ReleaseWaits";

    /// <summary>Cause: a function that was given back did not come back to the driver it had. Remedy: load that driver; or say with driver_override that another is meant.</summary>
    public const string NotReturned = "NotReturned";

    /// <summary>Found on a passthrough driver without a record of Hostdev: it is left there.</summary>
    public const string Adopted = "Adopted";

    /// <summary>Cause: something else on the host undoes what a policy asks for, again and again. Remedy: find and stop it.</summary>
    public const string Contested = "Contested";

    /// <summary>Cause: the break-glass file is there. Remedy: remove it.</summary>
    public const string Disabled = "Disabled";

    /// <summary>Cause: boots ended while this desired state was being applied. Remedy: change it, or remove the file that the message names.</summary>
    public const string BootLoop = "BootLoop";

    /// <summary>Cause: the kubelet asks for a device that is not offered any more. Remedy: none needed; the pod is made anew.</summary>
    public const string NotOffered = "NotOffered";

    /// <summary>Cause: the device's real state is not what a VM needs. Remedy: as the message says.</summary>
    public const string NotReady = "NotReady";

    /// <summary>
    /// Cause: its policy is about to change it, and somebody has it or a neighbour. Remedy: none needed; it is offered again then.
    /// </summary>
    public const string Cordoned = "Cordoned";

    /// <summary>Cause: the device is being reconfigured. Remedy: none needed; the pod is made anew.</summary>
    public const string Changing = "Changing";

    /// <summary>Cause: two containers are given one device at once. Remedy: none needed; the pod is made anew.</summary>
    public const string InFlight = "InFlight";

    /// <summary>Cause: a process still holds the device, though its pod is gone. Remedy: end the process that the message names.</summary>
    public const string StillHeld = "StillHeld";

    /// <summary>Cause: the kernel used a node's number anew while the answer of another pod still names it. Remedy: delete that pod.</summary>
    public const string NodeAnswered = "NodeAnswered";

    /// <summary>Cause: the device node is missing, or its owner cannot be set. Remedy: as the message says.</summary>
    public const string NodeOwner = "NodeOwner";

    /// <summary>Cause: a container starts with a device that this agent did not give it. Remedy: delete the pod.</summary>
    public const string NotAllocated = "NotAllocated";

    /// <summary>Cause: a container restarts, and its node is another device now. Remedy: delete the pod.</summary>
    public const string AnswerOutdated = "AnswerOutdated";

    /// <summary>Cause: this version cannot pass this kind of device yet. Remedy: remove the policy.</summary>
    public const string NotSupported = "NotSupported";

    /// <summary>Cause: the API server refuses what the agent reports. Remedy: apply the CRDs of the agent's version; the message has the server's words.</summary>
    public const string StatusRefused = "StatusRefused";
}
