namespace Hostdev.Crds.Words;

public static partial class Reasons
{
    /// <summary>What stands in the way of a device or of a policy on a node, and what is worth knowing of it: of findings.</summary>
    public static readonly ReasonTable Devices = new();

    public static readonly Reason NoIommu = Devices.Add(
        new(
            "NoIommu",
            "the host gives the device no IOMMU group",
            "switch the IOMMU on in the firmware, and on the kernel command line where the message says so",
            Ends.Admin
        )
    );

    public static readonly Reason NoInterruptRemapping = Devices.Add(
        new("NoInterruptRemapping", "the IOMMU remaps no interrupts", "switch it on in the firmware; remove `intremap=off`", Ends.Admin)
    );

    public static readonly Reason DriverMissing = Devices.Add(
        new(
            "DriverMissing",
            "the driver is not loaded; or a VF of a `Native` pool has none",
            "`modprobe` it, and list it in `/etc/modules-load.d`. For a `Native` VF: as the message says",
            Ends.Admin
        )
    );

    public static readonly Reason UndeclaredSiblings = Devices.Add(
        new(
            "UndeclaredSiblings",
            "the group has members that the policy does not declare",
            "declare them in `members`, or choose another `groupPolicy`. For a VF: ACS, or another slot",
            Ends.Admin
        )
    );

    public static readonly Reason CompanionMissing = Devices.Add(
        new(
            "CompanionMissing",
            "the policy gives members companions, and the group has none of one's members: a VM that asks for the companion would not "
                + "start with this device",
            "narrow the selectors to devices that have the member, or give this device a policy and a resourceName of its own",
            Ends.Admin
        )
    );

    public static readonly Reason GroupNotViable = Devices.Add(
        new(
            "GroupNotViable",
            "a bridge of the group, or a member that is no PCI function (a platform device), is on a driver that VFIO does not accept; "
                + "the message names both",
            "unbind it, or use another slot",
            Ends.Admin
        )
    );

    public static readonly Reason NotEligible = Devices.Add(
        new(
            "NotEligible",
            "the firmware demands that memory stays mapped one to one for the device's group (RMRR, IVMD), so the kernel gives it to no VM",
            "switch off in the firmware what demands it (HP: shared memory features of the slot; others: pre-boot DMA protection), or "
                + "use another slot",
            Ends.Admin
        )
    );

    public static readonly Reason Ancestor = Devices.Add(
        new(
            "Ancestor",
            "the device lives behind another one (VMD, a Thunderbolt controller) that would have to be taken too, and would be gone "
                + "then; or it shares its group with such a one",
            "pass that one itself, or switch it off in the firmware; or use another slot",
            Ends.Admin
        )
    );

    public static readonly Reason SharedReset = Devices.Add(
        new(
            "SharedReset",
            "the device cannot be reset on its own, and a reset of its bus would reset functions of other groups: it is not done",
            "none needed, unless the next VM must not find what the last one left: then a slot of its own",
            Ends.Nothing
        )
    );

    public static readonly Reason ResetByVfio = Devices.Add(
        new(
            "ResetByVfio",
            "`reset: Never` stands in the policy: Hostdev does not reset the device, and VFIO does, whenever a VM opens or closes it",
            "none needed, unless a reset harms the board: then pass another one",
            Ends.Nothing
        )
    );

    public static readonly Reason Protected = Devices.Add(
        new(
            "Protected",
            "the host needs the device, or a function of its group that would have to be taken too",
            "free it, or name the protection in `allowProtected` with the address",
            Ends.SlowLook
        )
    );

    public static readonly Reason PassedOver = Devices.Add(
        new(
            "PassedOver",
            "the host needs it, and `onProtected: PassOver` leaves it out",
            "none: it is taken when it is free",
            Ends.SlowLook
        )
    );

    public static readonly Reason InUse = Devices.Add(
        new(
            "InUse",
            "somebody uses the device; the message names the process, pod or node, or says that the kernel does not",
            "wait, or end the use; it is looked at every 2 s",
            Ends.Look
        )
        {
            IsUse = true,
        }
    );

    public static readonly Reason ClaimedByOther = Devices.Add(
        new(
            "ClaimedByOther",
            "a policy of higher precedence has the device, its physical function or one of its virtual functions",
            "narrow one of the two, or raise `priority`",
            Ends.Admin
        )
    );

    public static readonly Reason NoSuchType = Devices.Add(
        new(
            "NoSuchType",
            "a card has no type of mediated devices by this id or name",
            "write one of those that the message lists. Where it lists none: load the vendor's driver, or see dmesg for what it says",
            Ends.Admin
        )
    );

    public static readonly Reason NoRoom = Devices.Add(
        new(
            "NoRoom",
            "a card has no room for all mediated devices that are asked for; those that it has room for are offered. The message says who "
                + "has the room: types of one card compete for it",
            "remove other mediated devices of the card, or ask for fewer",
            Ends.Event
        )
        {
            IsMissing = true,
        }
    );

    public static readonly Reason OtherTransport = Devices.Add(
        new(
            "OtherTransport",
            "a card makes devices of a type in another way (mdev bus, vendor VFIO) than the profile says, or than its other cards do",
            "as the message says: change `transport`, or write a profile of its own for the card",
            Ends.Admin
        )
    );

    public static readonly Reason HasVirtualFunctions = Devices.Add(
        new(
            "HasVirtualFunctions",
            "the device is to be passed whole and has virtual functions",
            "remove them, or select them instead",
            Ends.Admin
        )
    );

    public static readonly Reason Unreadable = Devices.Add(
        new(
            "Unreadable",
            "a file of the device in sysfs is empty, garbled or unreadable, or was not answered in time; the message names it. What the"
                + " device is would be a guess, so it is neither taken nor given back",
            "look at dmesg; rescan the device or reboot. Not answered in time: nothing is wrong with the device as far as is known; "
                + "find who holds it, or what keeps the machine busy. It is looked at again every minute",
            Ends.SlowLook
        )
    );

    public static readonly Reason ResourceNameConflict = Devices.Add(
        new(
            "ResourceNameConflict",
            "an earlier policy uses the resource name for another kind of device, or one that KubeVirt cannot tell from it; or an earlier "
                + "MdevProfile has devices under it on this node that are made in the other way (mdev bus, vendor VFIO)",
            "use another name",
            Ends.Admin
        )
    );

    public static readonly Reason StepFailed = Devices.Add(
        new(
            "StepFailed",
            "a write to the host failed or had no effect; the message has the file, the errno, and what the kernel logged of the device"
                + " meanwhile",
            "as the message says; tried again after 5 s, then twice as long each time, 5 min at most",
            Ends.Retry
        )
    );

    public static readonly Reason StepTimedOut = Devices.Add(
        new(
            "StepTimedOut",
            "a write of ours did not return: the kernel waits for somebody who holds the device, perhaps in the kernel itself",
            "find and end that use; the write goes on by itself. Never write to the device's `remove` file meanwhile: that hangs too",
            Ends.SlowLook
        )
    );

    public static readonly Reason Faulty = Devices.Add(
        new(
            "Faulty",
            "the device does not answer (its configuration space reads all ones), or reported fatal PCIe errors",
            "none while it says that it is being reset: the device is back as soon as a reset proves it. In use: stop the VM. Otherwise,"
                + " and where the message says that it is not reset, remove and rescan it, or power-cycle the host",
            Ends.Look
        )
    );

    public static readonly Reason NameChanged = Devices.Add(
        new(
            "NameChanged",
            "an interface, driver or slot by which a device was chosen is called otherwise now. What is in force stays",
            "write the new name, or better the address",
            Ends.Admin
        )
        {
            AsksToAct = true,
        }
    );

    public static readonly Reason NameMoved = Devices.Add(
        new(
            "NameMoved",
            "the name that a policy asks for has moved from the device that is in force by it to another one, which is not taken",
            "write addresses",
            Ends.Admin
        )
    );

    public static readonly Reason AttributeUnusable = Devices.Add(
        new(
            "AttributeUnusable",
            "a file that `attributes` names, or what a pool's `network` sets, is not there, cannot be read or written, leads through a "
                + "link, or needs its function unbound; the message has the file, the value and why. What comes after it in the list waits "
                + "for it",
            "as the message says: another driver or kernel, firmware that lets it be set, or remove it from `attributes` or `network`. "
                + "It is looked at again every minute",
            Ends.SlowLook
        )
    );

    public static readonly Reason DomainTooLong = Devices.Add(
        new(
            "DomainTooLong",
            "the PCI domain of the address has more than four digits: KubeVirt's launcher reads four, and a VM with the device does not"
                + " start",
            "other software can use it; for KubeVirt, move the card to a slot whose domain has four digits, or switch off what makes "
                + "the domain (VMD in the firmware)",
            Ends.Admin
        )
        {
            AsksToAct = true,
        }
    );

    public static readonly Reason LowMmioTooSmall = Devices.Add(
        new(
            "LowMmioTooSmall",
            "all devices of a resource on a node have more 32-bit BARs than a VMM has room for below 4 GiB by default; the message says "
                + "which VMM, and how many fit. Of one VM with all of them some would have no memory, or it would not start",
            "let no VM ask for more than fit; cloud-hypervisor divides its room among PCI segments (`mmio32_aperture_weight`)",
            Ends.Admin
        )
        {
            AsksToAct = true,
        }
    );

    public static readonly Reason LinkNarrower = Devices.Add(
        new(
            "LinkNarrower",
            "the card's PCIe link has fewer lanes than it was seen with on this host before (a x16 card that came up x8); it stays in "
                + "service",
            "reseat the card, exchange its riser or cable, look at the slot's bifurcation in the firmware. Where it is meant to be so, "
                + "remove `links.json` from `/var/lib/hostdev` and restart the agent",
            Ends.Admin
        )
        {
            AsksToAct = true,
            IsNews = true,
        }
    );

    public static readonly Reason UncorrectableErrors = Devices.Add(
        new(
            "UncorrectableErrors",
            "the device, the card that it is a part of, or a port above it reported PCIe errors that cost a transfer (AER, "
                + "`aer_dev_nonfatal` and `aer_dev_fatal`) while the agent watched; it is said until an hour after the last one",
            "look at dmesg for what was lost; when they go on reseat the card, exchange its riser or cable",
            Ends.SlowLook
        )
        {
            AsksToAct = true,
            IsNews = true,
        }
    );

    public static readonly Reason OfferedByKubeVirt = Devices.Add(
        new(
            "OfferedByKubeVirt",
            "an entry of `permittedHostDevices` without `externalResourceProvider: true` makes KubeVirt's own device plugin offer the "
                + "device beside Hostdev; the message has its resource. Two VMs may be given the device",
            "set `externalResourceProvider: true` on that entry, or remove it",
            Ends.Admin
        )
        {
            AsksToAct = true,
        }
    );

    public static readonly Reason OfferedByHarvester = Devices.Add(
        new(
            "OfferedByHarvester",
            "Harvester's device plugin (the add-on `pcidevices-controller`) offers the device or a member of its group beside Hostdev; the "
                + "message has its resource. Its sockets are named like KubeVirt's, and it names devices by address. Two VMs may be given "
                + "the device",
            "delete the device's `PCIDeviceClaim` when its VM is stopped, switch off its `VGPUDevice` where it is a vGPU, or remove it "
                + "from the policy",
            Ends.Admin
        )
        {
            AsksToAct = true,
        }
    );

    public static readonly Reason OfferedByAnother = Devices.Add(
        new(
            "OfferedByAnother",
            "another device plugin of this node (SR-IOV network, RDMA, a generic one) offers the device or a member of its group beside "
                + "Hostdev; the message has its resource. Two pods may be given the device. With `binding: OnAllocate`, what a pod has by "
                + "that plugin is `InUse`",
            "remove the device from that plugin's configuration, or from the policy",
            Ends.Admin
        )
        {
            AsksToAct = true,
        }
    );

    public static readonly Reason HeldSibling = Devices.Add(
        new("HeldSibling", "taken from the host together with a unit, not given to the VM", "none needed", Ends.Nothing)
    );

    public static readonly Reason LeftOver = Devices.Add(
        new(
            "LeftOver",
            "no device group could be made with the device; the message says what is lacking. It stays with the host",
            "none needed, where there is more of one member than of another; else widen `within`, or the selectors of what is lacking",
            Ends.Nothing
        )
    );

    public static readonly Reason ReleaseWaits = Devices.Add(
        new("ReleaseWaits", "no policy wants it any more, somebody still has it", "stop the VM", Ends.Look)
    );

    public static readonly Reason Unconfirmed = Devices.Add(
        new(
            "Unconfirmed",
            "the host has booted, the device was not in force before, and whether it is still wanted could not be asked: the API server"
                + " cannot be reached, or the file cannot be read",
            "restore the connection of the agent to the API server, or the file; what was in force before is restored meanwhile",
            Ends.Event
        )
    );

    public static readonly Reason NotReturned = Devices.Add(
        new(
            "NotReturned",
            "a function was given back and is not on the driver it had before: that driver is not loaded, does not take it, or another "
                + "one has it",
            "load that driver or bind the function to it; it is tried again. If another driver is meant: write its name to the "
                + "function's `driver_override` and bind it (`driverctl` does both)",
            Ends.SlowLook
        )
    );

    public static readonly Reason Adopted = Devices.Add(
        new(
            "Adopted",
            "the device was on a vfio driver or `pci-stub` before Hostdev first saw it",
            "none needed. On a vfio driver it is offered as it is, and left there when its policy goes; from `pci-stub` it is taken for"
                + " its policy, and goes back to it",
            Ends.Nothing
        )
    );

    public static readonly Reason Contested = Devices.Add(
        new(
            "Contested",
            "something else on the host undid what was in force, and did so again after it was put back three times",
            "find and stop it: a udev rule, `driverctl`, `tuned`, another device plugin, a script. Tried again an hour after the last "
                + "time, or when the desired state changes",
            Ends.Retry
        )
    );

    public static readonly Reason SeveralPaths = Devices.Add(
        new(
            "SeveralPaths",
            "a SCSI disk that the host reaches in several ways: each path writes past what the others have cached",
            "leave one path (`1` to the `delete` file of the others), or give VMs what stands on the multipath map",
            Ends.Admin
        )
    );

    public static readonly Reason LentAndLost = Devices.Add(
        new(
            "LentAndLost",
            "a USB or SCSI device that a pod was given was pulled, or something else is in its place: the pod does not have it any more",
            "plug it in again and restart the VM, or delete the pod",
            Ends.Nothing
        )
    );

    public static readonly Reason NotSupported = Devices.Add(
        new(
            "NotSupported",
            "this version cannot pass this kind of device (a pool of vendor vGPU VFs on `nvidia` too), or not as the policy asks for it",
            "as the message says, or remove the policy or pool",
            Ends.Admin
        )
    );

    public static readonly Reason OpenToOthers = Devices.Add(
        new(
            "OpenToOthers",
            "the `mode` of `deviceFile` gives every user of the host the device. It was in force before this was refused, and stays so",
            "write a mode that ends with 0, for example `\"0660\"`",
            Ends.Admin
        )
        {
            AsksToAct = true,
            VoidsIsolation = true,
        }
    );

    public static readonly Reason UnsupportedField = Devices.Add(
        new(
            "UnsupportedField",
            "the policy has a field or kind that this version does not know",
            "correct the spelling, or upgrade; its last understood version stays in force",
            Ends.Admin
        )
    );

    public static readonly Reason InvalidSpec = Devices.Add(
        new("InvalidSpec", "a value that the kind does not allow", "as the message says; the version before stays in force", Ends.Admin)
    );
}
