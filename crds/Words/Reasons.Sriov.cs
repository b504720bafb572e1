namespace Hostdev.Crds.Words;

public static partial class Reasons
{
    /// <summary>What stands in the way of virtual functions: of findings.</summary>
    public static readonly ReasonTable Sriov = new();

    public static readonly Reason TooManyVfs = Sriov.Add(
        new(
            "TooManyVfs",
            "more virtual functions are asked for than the device has",
            "lower `numVfs`, or raise the limit in firmware",
            Ends.Admin
        )
    );

    public static readonly Reason NoSriov = Sriov.Add(
        new(
            "NoSriov",
            "the device has no SR-IOV capability, or its `sriov_totalvfs` is 0",
            "select another, or turn SR-IOV on in the card's own firmware (the message has the command where it is known)",
            Ends.Admin
        )
    );

    public static readonly Reason PhysicalFunctionUnbound = Sriov.Add(
        new(
            "PhysicalFunctionUnbound",
            "the physical function has no driver that can make virtual functions",
            "bind its own driver",
            Ends.Admin
        )
    );

    public static readonly Reason ForeignVfs = Sriov.Add(
        new(
            "ForeignVfs",
            "virtual functions that Hostdev did not make",
            "remove them by hand, set `numVfs` to their number, or use `management: External`",
            Ends.Admin
        )
    );

    public static readonly Reason OtherVfNumber = Sriov.Add(
        new(
            "OtherVfNumber",
            "the driver made another number of virtual functions than `numVfs` asks for (QAT makes all, others what their rings allow)."
                + " What it made stays, and the pools that name it use it",
            "set `numVfs` to that number, or see dmesg for the driver's limit. It is asked again when `numVfs` changes, and when there "
                + "are none: write 0 to `sriov_numvfs` for that",
            Ends.Admin
        )
    );

    public static readonly Reason NoBusNumbers = Sriov.Add(
        new(
            "NoBusNumbers",
            "the last of the virtual functions would lie on a bus past those that the firmware gave the port above the physical function",
            "ask for fewer (the message says how many fit, where that is known); or switch on ARI in the firmware, and remove `pci=noari`,"
                + " so that they lie on the physical function's own bus; or boot with `pci=assign-busses`, or give the slot more bus "
                + "numbers in the firmware",
            Ends.Admin
        )
    );

    public static readonly Reason NoMmioSpace = Sriov.Add(
        new(
            "NoMmioSpace",
            "the firmware left too little memory space below the port for the virtual functions' BARs; the kernel says so when they are "
                + "made",
            "switch on Above 4G decoding and SR-IOV in the firmware; or boot with `pci=realloc`; where the kernel still finds no room, "
                + "ask for fewer virtual functions in the card's own firmware, or use another slot",
            Ends.Admin
        )
    );

    public static readonly Reason NoVfs = Sriov.Add(
        new(
            "NoVfs",
            "pools name virtual functions that are not there; those that are there are offered",
            "make them, or lower `last`",
            Ends.Event
        )
        {
            IsMissing = true,
        }
    );

    public static readonly Reason VfsMissing = Sriov.Add(
        new(
            "VfsMissing",
            "a card has no virtual functions that can be given a type of vGPU",
            "make them with the vendor's tool, which the message names (`sriov-manage`); while it is at work it is waited for",
            Ends.Event
        )
    );

    public static readonly Reason VendorMakesVfs = Sriov.Add(
        new(
            "VendorMakesVfs",
            "the virtual functions of this card are made by its vendor's own means, and its driver takes no number of them from the kernel",
            "`management: External`, and the vendor's tool, which the message names; for types of vGPU a MdevProfile",
            Ends.Admin
        )
    );

    public static readonly Reason VfsNotIsolated = Sriov.Add(
        new(
            "VfsNotIsolated",
            "the port above the physical function isolates nothing, so its virtual functions would be in its own IOMMU group, and none "
                + "could be passed. Those that are there stay",
            "enable ACS in firmware, or use another slot",
            Ends.Admin
        )
    );

    public static readonly Reason Representor = Sriov.Add(
        new(
            "Representor",
            "the interface that a policy names stands for a virtual function (a switchdev representor) and is no interface of the "
                + "physical function, which is not chosen by it",
            "write the name of the physical function's own interface, or its address",
            Ends.Admin
        )
    );

    public static readonly Reason SriovBusy = Sriov.Add(
        new(
            "SriovBusy",
            "`sriov_numvfs` could not be read in time",
            "look for a process that holds a virtual function which is being removed",
            Ends.Event
        )
    );
}
