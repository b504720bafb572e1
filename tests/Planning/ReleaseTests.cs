using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Giving back: what no policy wants any more becomes what the journal says it was, as soon as nobody has it.</summary>
public sealed class ReleaseTests
{
    private static Machine Taken(string driver = "vfio-pci") =>
        new Machine().Gpu(driver: driver).Change("0000:43:00.0", f => f with { DriverOverride = "vfio-pci" });

    [Fact]
    public void A_function_gets_its_driver_and_its_override_back()
    {
        var plan = (Given.Input(Taken()) with { Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau", "odd") }).Plan();

        Assert.Equal(
            [
                "unbind 0000:43:00.0 from vfio-pci",
                "override nothing on 0000:43:00.0",
                "probe 0000:43:00.0 for nouveau",
                "override odd on 0000:43:00.0",
                "forget 0000:43:00.0",
            ],
            plan.Steps()
        );
        Assert.All(plan.Lanes[0].Steps, s => Assert.Equal(Purpose.Release(PciAddress.Parse("0000:43:00.0")), s.Purpose));
    }

    [Fact]
    public void An_override_that_names_the_driver_it_had_is_back_before_the_probe()
    {
        var plan = (Given.Input(Taken()) with { Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau", "nouveau") }).Plan();

        Assert.Equal(
            [
                "unbind 0000:43:00.0 from vfio-pci",
                "override nouveau on 0000:43:00.0",
                "probe 0000:43:00.0 for nouveau",
                "forget 0000:43:00.0",
            ],
            plan.Steps()
        );
    }

    [Fact]
    public void A_function_whose_driver_came_back_before_a_crash_gets_only_its_override()
    {
        var plan = (
            Given.Input(new Machine().Gpu(driver: "nouveau")) with
            {
                Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau", "vfio-pci"),
            }
        ).Plan();

        Assert.Equal(["override vfio-pci on 0000:43:00.0", "forget 0000:43:00.0"], plan.Steps());
    }

    [Fact]
    public void A_function_that_had_no_driver_is_not_probed()
    {
        var plan = (Given.Input(Taken()) with { Ownership = Ownership.None.Owns("0000:43:00.0", null) }).Plan();

        Assert.Equal(["unbind 0000:43:00.0 from vfio-pci", "override nothing on 0000:43:00.0", "forget 0000:43:00.0"], plan.Steps());
    }

    [Fact]
    public void A_VF_is_always_probed_because_it_was_born_without_a_driver()
    {
        var machine = new Machine()
            .PhysicalFunction(vfs: 1, vfDriver: "vfio-pci")
            .Change("0000:41:10.0", f => f with { DriverOverride = "vfio-pci" });
        var plan = (Given.Input(machine) with { Ownership = Ownership.None.Owns("0000:41:10.0", null) }).Plan();

        Assert.Equal(
            [
                "unbind 0000:41:10.0 from vfio-pci",
                "override nothing on 0000:41:10.0",
                "probe 0000:41:10.0 for the host",
                "forget 0000:41:10.0",
            ],
            plan.Steps()
        );
    }

    [Fact]
    public void A_function_that_got_only_its_override_loses_just_that()
    {
        var plan = (Given.Input(Taken("nouveau")) with { Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau") }).Plan();

        Assert.Equal(["override nothing on 0000:43:00.0", "forget 0000:43:00.0"], plan.Steps());
    }

    [Fact]
    public void A_function_that_was_unbound_and_no_more_is_probed_back()
    {
        var plan = (
            Given.Input(new Machine().Gpu(driver: null)) with
            {
                Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau"),
            }
        ).Plan();

        Assert.Equal(["probe 0000:43:00.0 for nouveau", "forget 0000:43:00.0"], plan.Steps());
    }

    [Fact]
    public void A_function_that_is_on_another_driver_than_before_us_is_left_there_and_said_until_it_is_back()
    {
        var input = Given.Input(new Machine().Gpu(driver: "nvidia")) with { Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau") };

        Assert.Empty(input.Plan().Lanes); // not even forgotten
        input
            .Plan()
            .Says(
                "0000:43:00.0",
                FindingState.Releasing,
                Reasons.NotReturned,
                "0000:43:00.0 was on nouveau before Hostdev had it, and is on nvidia now: bind it to nouveau. If "
                    + "another driver is meant, write that driver's name to "
                    + "/sys/bus/pci/devices/0000:43:00.0/driver_override and bind it"
            );
        Assert.Equal(["forget 0000:43:00.0"], (input with { Inventory = new Machine().Gpu() }).Plan().Steps());
    }

    [Fact]
    public void An_override_that_names_the_new_driver_says_that_it_is_meant()
    {
        var machine = new Machine().Gpu(driver: "nvidia").Change("0000:43:00.0", f => f with { DriverOverride = "nvidia" });
        var plan = (Given.Input(machine) with { Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau") }).Plan();

        Assert.Equal(["forget 0000:43:00.0"], plan.Steps());
        Assert.Empty(plan.Findings);
    }

    [Fact]
    public void A_function_whose_driver_did_not_take_it_back_stays_in_the_journal_and_is_tried_again_in_its_time()
    {
        var input = Given.Input(new Machine().Gpu(driver: null)) with
        {
            Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau"),
            Setbacks = Given.Setback("release 0000:43:00.0", message: "it did not bind to nouveau"),
        };

        Assert.Empty(input.Plan().Lanes);
        input
            .Plan()
            .Says(
                "0000:43:00.0",
                FindingState.Releasing,
                Reasons.NotReturned,
                "0000:43:00.0 was on nouveau before Hostdev had it, and has no driver now (it did not bind to "
                    + "nouveau): run \"modprobe nouveau\" on the host; it is tried again. If another driver is meant, "
                    + "write that driver's name to /sys/bus/pci/devices/0000:43:00.0/driver_override and bind it"
            );
        Assert.Equal(
            ["probe 0000:43:00.0 for nouveau", "forget 0000:43:00.0"],
            (input with { Setbacks = input.Setbacks.Clear() }).Plan().Steps()
        );
    }

    [Fact]
    public void A_release_waits_for_the_users_and_names_them()
    {
        var input = Given.Input(Taken()) with
        {
            Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau"),
            Usage = Given.Users(
                ("0000:43:00.0", UserKind.Pod, "pod default/vm has 0000:43:00.0"),
                ("0000:43:00.0", UserKind.VfioHolder, "process 7 (qemu) has /dev/vfio/12 open")
            ),
        };

        Assert.Empty(input.Plan().Lanes);
        input
            .Plan()
            .Says(
                "0000:43:00.0",
                FindingState.Releasing,
                Reasons.ReleaseWaits,
                "0000:43:00.0 is given back as soon as it is let go; it is in use: pod default/vm has 0000:43:00.0, "
                    + "process 7 (qemu) has /dev/vfio/12 open"
            );
        Assert.Null(input.Plan().About("0000:43:00.0").Policy);
    }

    [Fact]
    public void A_release_that_failed_waits_for_its_time_and_says_why()
    {
        var input = Given.Input(Taken()) with
        {
            Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau"),
            Setbacks = Given.Setback("release 0000:43:00.0", message: "nouveau did not take it"),
        };

        Assert.Empty(input.Plan().Lanes);
        input.Plan().Says("0000:43:00.0", FindingState.Releasing, Reasons.StepFailed, "nouveau did not take it");
    }

    [Fact]
    public void An_unplugged_device_is_forgotten()
    {
        var owned = Ownership.None.Owns("0000:43:00.0", "nouveau").OwnsVfsOf("0000:41:00.0");

        Assert.Equal(
            ["forget the VFs of 0000:41:00.0", "forget 0000:43:00.0"],
            (Given.Input(new Machine(), Given.HostDevice()) with { Ownership = owned }).Plan().Steps()
        );
    }

    [Fact]
    public void VFs_that_we_made_go_when_no_policy_wants_them()
    {
        var machine = new Machine().PhysicalFunction(vfs: 2, vfDriver: "vfio-pci");
        var plan = (Given.Input(machine) with { Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0").Owns("0000:41:10.0", null) }).Plan();

        Assert.Equal(["numvfs 0 on 0000:41:00.0", "forget 0000:41:10.0", "forget the VFs of 0000:41:00.0"], plan.Steps());
        Assert.Equal(["0000:41:10.0", "0000:41:10.2"], plan.Lanes[0].Disturbs.Select(a => a.ToString()));
    }

    [Fact]
    public void VFs_stay_all_while_one_is_held_but_the_host_s_autoprobe_comes_back_at_once()
    {
        var machine = new Machine().PhysicalFunction(vfs: 2, autoprobe: false, vfDriver: "vfio-pci");
        var input = Given.Input(machine) with
        {
            Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0", setupOpen: true).Owns("0000:41:10.0", null).Owns("0000:41:10.2", null),
            Usage = Given.Users(("0000:41:10.2", UserKind.Pod, "pod default/vm has 0000:41:10.2")),
        };

        Assert.Equal(["autoprobe 1 on 0000:41:00.0"], input.Plan().Steps());
        input
            .Plan()
            .Says(
                "0000:41:00.0",
                FindingState.Releasing,
                Reasons.ReleaseWaits,
                "the VFs of 0000:41:00.0 are removed as soon as all are let go; in use: pod default/vm has 0000:41:10.2"
            );
    }

    [Fact]
    public void A_removal_of_VFs_that_failed_waits_for_its_time()
    {
        var input = Given.Input(new Machine().PhysicalFunction(vfs: 2)) with
        {
            Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0"),
            Setbacks = Given.Setback("vfs 0000:41:00.0", Reasons.StepTimedOut, "writing \"0\" did not return"),
        };

        Assert.Empty(input.Plan().Lanes);
        input.Plan().Says("0000:41:00.0", FindingState.Releasing, Reasons.StepTimedOut, "writing \"0\" did not return");
    }

    [Fact]
    public void A_number_of_VFs_that_was_there_before_us_comes_back()
    {
        var plan = (
            Given.Input(new Machine().PhysicalFunction(vfs: 4)) with
            {
                Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0", numVfs: 2),
            }
        ).Plan();

        Assert.Equal(["numvfs 0 on 0000:41:00.0", "numvfs 2 on 0000:41:00.0", "forget the VFs of 0000:41:00.0"], plan.Steps());
    }

    [Fact]
    public void VFs_that_we_only_used_stay_when_the_policy_goes()
    {
        var machine = new Machine()
            .PhysicalFunction(vfs: 1, vfDriver: "vfio-pci")
            .Change("0000:41:10.0", f => f with { DriverOverride = "vfio-pci" });
        var plan = (Given.Input(machine) with { Ownership = Ownership.None.Owns("0000:41:10.0", "igbvf") }).Plan();

        Assert.DoesNotContain(plan.Steps(), s => s.StartsWith("numvfs", StringComparison.Ordinal));
        Assert.Contains("probe 0000:41:10.0 for the host", plan.Steps());
    }

    [Fact]
    public void A_unit_that_failed_is_left_out_and_what_was_begun_for_it_is_undone()
    {
        var machine = new Machine()
            .Gpu(driver: "vfio-pci")
            .Audio(driver: null)
            .Change("0000:43:00.0", f => f with { DriverOverride = "vfio-pci" })
            .Change("0000:43:00.1", f => f with { DriverOverride = "vfio-pci" });
        var input = Given.Input(machine, Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.AssignSiblings })) with
        {
            Ownership = Ownership.None.Owns("0000:43:00.0", "nouveau").Owns("0000:43:00.1", "snd_hda_intel"),
            Setbacks = Given.Setback("take 0000:43:00.0", message: "0000:43:00.1 did not bind to vfio-pci"),
        };
        var plan = input.Plan();

        Assert.Empty(plan.Units);
        Assert.Equal(
            [
                "unbind 0000:43:00.0 from vfio-pci",
                "override nothing on 0000:43:00.0",
                "probe 0000:43:00.0 for nouveau",
                "forget 0000:43:00.0",
                "override nothing on 0000:43:00.1",
                "probe 0000:43:00.1 for snd_hda_intel",
                "forget 0000:43:00.1",
            ],
            plan.Steps()
        );
        plan.Says("0000:43:00.0", FindingState.Blocked, Reasons.StepFailed, "0000:43:00.1 did not bind to vfio-pci");
    }

    [Fact]
    public void A_unit_that_somebody_took_at_the_last_moment_waits()
    {
        var input = Given.Input(new Machine().Gpu(), Given.HostDevice()) with
        {
            Setbacks = Given.Setback("take 0000:43:00.0", Reasons.InUse, "in use: process 7"),
        };

        input.Plan().Says("0000:43:00.0", FindingState.Waiting, Reasons.InUse, "in use: process 7");
        Assert.Empty(input.Plan().Lanes);
    }

    [Fact]
    public void A_VF_that_goes_with_its_policy_is_not_taken_for_another_that_wants_it()
    {
        var machine = new Machine().PhysicalFunction(vfs: 1, vfDriver: "igbvf");
        var wanted = Given.HostDevice("vfs", new PciSelector { Device = PciId.Parse("10ca") }, p => p with { VirtualFunctions = true });
        var plan = (Given.Input(machine, wanted) with { Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0") }).Plan();

        Assert.Equal(["numvfs 0 on 0000:41:00.0", "forget the VFs of 0000:41:00.0"], plan.Steps());
        Assert.Empty(plan.Units);
        plan.Says(
            "0000:41:10.0",
            FindingState.Waiting,
            Reasons.ReleaseWaits,
            "0000:41:10.0 is a virtual function that Hostdev made for a policy which is gone, and is removed: keep a "
                + "SriovPolicy for its physical function"
        );
    }
}
