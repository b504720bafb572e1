using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>
/// What voids isolation: nothing is newly taken where it stands unless the policy names it, what is in force stays, and all of it is said.
/// </summary>
public sealed class RiskTests
{
    private const string Gpu = "0000:43:00.0";
    private const string Audio = "0000:43:00.1";
    private const string Pf = "0000:41:00.0";

    private const string Unsafe = "allow_unsafe_interrupts of vfio_iommu_type1 is on, so VMs get devices whose interrupts nothing isolates";

    private const string Mend =
        "write N to /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts, and take it out of /etc/modprobe.d and the kernel "
        + "command line";

    public static TheoryData<string> All => [.. Risks.All.Select(r => r.Name)];

    public static TheoryData<string> OfHosts => [.. Risks.All.Where(r => r.Of == RiskOf.Host).Select(r => r.Name)];

    [Theory]
    [MemberData(nameof(All))]
    public void What_has_a_risk_is_newly_taken_only_where_the_policy_names_it(string word)
    {
        var risk = Risks.Parse(word);
        var refused = With(risk).Plan();
        Assert.Empty(refused.Units);
        Assert.Empty(refused.Lanes);
        var said = Assert.Single(refused.Findings, f => f.Policy is not null);
        Assert.Equal((FindingState.Blocked, risk.Reason), (said.State, said.Reason));
        Assert.Contains($", or list {word} in acceptRisks", said.Message, StringComparison.Ordinal);

        // Another risk that is named is not this one.
        Assert.Empty(With(risk, [.. Risks.All.Where(r => r != risk)]).Plan().Units);

        var accepted = With(risk, risk).Plan();
        var unit = Assert.Single(accepted.Units);
        Assert.True(accepted.Lanes.Length > 0 || unit.OnAllocate is { Steps.IsEmpty: false });
        said = Assert.Single(accepted.Findings, f => f.Reason == risk.Reason);
        Assert.Equal(FindingState.Accepted, said.State);
        Assert.Contains(" is passed all the same, as the policy accepts: ", said.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void What_was_in_force_before_stays_so_and_is_said(string word)
    {
        var risk = Risks.Parse(word);
        var input = With(risk);
        foreach (var (address, function) in input.Inventory.Functions.Where(f => f.Key != PciAddress.Parse(Pf)))
        {
            input = input with
            {
                Inventory = input.Inventory with
                {
                    Functions = input.Inventory.Functions.SetItem(address, function with { Driver = "vfio-pci" }),
                },
                Ownership = input.Ownership.Owns(address.ToString(), "nouveau"),
            };
        }

        var plan = input.Plan();
        Assert.Single(plan.Units);
        var said = Assert.Single(plan.Findings, f => f.Reason == risk.Reason);
        Assert.Equal(FindingState.Noticed, said.State);
        Assert.EndsWith(". It was in force before this was looked for, and stays so", said.Message, StringComparison.Ordinal);

        // Bound by another tool, and nobody's: newly taken. Of such a device nobody knows a host driver.
        if (risk.Of != RiskOf.Driver)
            Assert.Empty((input with { Ownership = Ownership.None }).Plan().Units);
    }

    [Fact]
    public void Unsafe_interrupts_are_said_whatever_remaps_them()
    {
        Blocked(
            f => f with { UnsafeInterruptsAllowed = true },
            Risks.UnsafeInterrupts,
            $"{Gpu} cannot be passed safely: {Unsafe}; {Mend}, or list UnsafeInterrupts in acceptRisks to pass it all the same"
        );
        Blocked(
            f => f with { UnsafeInterruptsAllowed = true, InterruptRemapping = InterruptRemapping.No },
            Risks.UnsafeInterrupts,
            $"{Gpu} cannot be passed safely: allow_unsafe_interrupts of vfio_iommu_type1 is on and the host does not remap interrupts, so "
                + "VMs get devices whose interrupts nothing isolates; switch interrupt remapping on in the firmware, "
                + $"{Mend}, or list UnsafeInterrupts in acceptRisks to pass it all the same"
        );
        Blocked(
            f => f with { UnsafeInterruptsAllowed = true, IommufdUnsafeInterruptsAllowed = true },
            Risks.UnsafeInterrupts,
            $"{Gpu} cannot be passed safely: allow_unsafe_interrupts of vfio_iommu_type1 and iommufd is on, so VMs get devices whose "
                + "interrupts nothing isolates; write N to /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts and "
                + "/sys/module/iommufd/parameters/allow_unsafe_interrupts, and take it out of /etc/modprobe.d and the kernel command line, "
                + "or list UnsafeInterrupts in acceptRisks to pass it all the same"
        );
    }

    [Fact]
    public void Without_remapping_no_risk_can_be_accepted_that_the_kernel_does_not_take()
    {
        var machine = new Machine()
            .Gpu()
            .Facts(f => f with { InterruptRemapping = InterruptRemapping.No, IommufdUnsafeInterruptsAllowed = true });
        Assert.Equal(Reasons.NoInterruptRemapping, Given.Input(machine, Accepting([.. Risks.All])).Plan().About(Gpu).Reason);
    }

    [Fact]
    public void What_is_not_known_of_interrupts_and_what_makes_groups_smaller_is_said_with_what_ends_it()
    {
        Blocked(
            f => f with { InterruptRemapping = InterruptRemapping.Unknown },
            Risks.UnknownInterruptRemapping,
            $"{Gpu} cannot be passed safely: whether the host remaps interrupts is not known; look for why /proc/interrupts cannot be "
                + "read, or list UnknownInterruptRemapping in acceptRisks to pass it all the same"
        );
        Blocked(
            f => f with { KernelArguments = ["intel_iommu=on", "pcie_acs_override=downstream,multifunction"] },
            Risks.AcsOverride,
            $"{Gpu} cannot be passed safely: pcie_acs_override=downstream,multifunction on the kernel command line makes IOMMU groups "
                + "smaller than what the hardware isolates; remove it and declare the groups as they are then, or use slots with ACS, or "
                + "list AcsOverride in acceptRisks to pass it all the same"
        );
    }

    [Theory]
    [MemberData(nameof(OfHosts))]
    public void Virtual_functions_for_VMs_are_not_made_where_no_VM_should_get_them(string word)
    {
        var risk = Risks.Parse(word);
        var machine = Risky(risk, new Machine().PhysicalFunction());
        var plan = Given.Input(machine, Given.Sriov(2, pools: [Given.Pool("all", 0, 1)])).Plan();
        Assert.Empty(plan.Lanes);
        Assert.StartsWith($"a VF of {Pf} cannot be passed safely: ", plan.About(Pf).Message, StringComparison.Ordinal);

        Assert.NotEmpty(Given.Input(machine, Given.Sriov(2, pools: [Given.Pool("host", 0, 1, DriverType.Native)])).Plan().Lanes);
        var accepts = Given.Sriov(2, pools: [Given.Pool("all", 0, 1)], spec: s => s with { AcceptRisks = [risk] });
        Assert.NotEmpty(Given.Input(machine, accepts).Plan().Lanes);
    }

    [Fact]
    public void A_sibling_without_reset_is_accepted_by_its_own_address_alone()
    {
        var machine = new Machine()
            .Gpu(flr: true)
            .Audio()
            .Change(Gpu, f => f with { ResetMethods = ["flr"] })
            .Change(Audio, f => f with { ResetMethods = [] });
        Plan Plan(params string[] addresses) =>
            Given
                .Input(
                    machine,
                    Given.HostDevice(
                        selector: new PciSelector { Addresses = [.. addresses.Select(PciAddress.Parse)] },
                        pci: p => p with { GroupPolicy = GroupPolicy.AssignSiblings },
                        spec: s => s with { AcceptRisks = [Risks.NoReset] }
                    )
                )
                .Plan();

        Plan(Gpu)
            .Refuses(
                Gpu,
                Risks.NoReset.Reason,
                $"{Gpu} cannot be passed safely: the kernel knows no way to reset {Audio}, so the next VM finds it as the last one left "
                    + "it; use a device that has a reset (inventory shows which), or list NoReset in acceptRisks together with the address "
                    + $"{Audio} in members to pass it all the same"
            );
        Assert.Equal([Gpu], Plan(Gpu, Audio).UnitIds());
    }

    /// <summary>Only the first function of a bus that is found says <c>bus</c>: VFIO resets all of it at once.</summary>
    [Fact]
    public void A_function_that_is_reset_with_its_bus_has_a_reset()
    {
        PciAddress[] port = [PciAddress.Parse("0000:40:01.0")];
        Machine Slot(string resets) =>
            new Machine()
                .Gpu()
                .Audio()
                .Change(Gpu, f => f with { Path = [.. port], ResetMethods = [resets] })
                .Change(Audio, f => f with { Path = [.. port], ResetMethods = [] });
        var all = Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.AssignSiblings });

        Assert.Equal([Gpu], Given.Input(Slot("bus"), all).Plan().UnitIds());
        Assert.Equal(Risks.NoReset.Reason, Given.Input(Slot("pm"), all).Plan().About(Gpu).Reason);

        // It would reset another group too, or what VFIO has not, and is not done.
        var shared = Slot("bus").Function("0000:43:00.2", 13, "xhci_hcd", with: f => f with { Path = [.. port] });
        Assert.Contains(Given.Input(shared, all).Plan().Findings, f => f.Reason == Risks.NoReset.Reason);
        var bystander = Slot("bus").Function("0000:43:00.2", 12, null, "1022:1485", 0x130000, with: f => f with { Path = [.. port] });
        Assert.Contains(Given.Input(bystander, all).Plan().Findings, f => f.Reason == Risks.NoReset.Reason);
    }

    /// <summary>The bus of a virtual function is its physical one's too.</summary>
    [Fact]
    public void A_virtual_function_is_not_reset_with_its_bus()
    {
        PciAddress[] port = [PciAddress.Parse("0000:40:01.0")];
        var machine = new Machine()
            .PhysicalFunction(vfs: 1)
            .Change(Pf, f => f with { Path = [.. port] })
            .Change("0000:41:10.0", f => f with { Path = [.. port], ResetMethods = [] });
        var policy = Given.Sriov(1, pools: [Given.Pool("all", 0, 0)]);
        Assert.Equal(Risks.NoReset.Reason, Given.Input(machine, policy).Plan().About("0000:41:10.0").Reason);
    }

    [Fact]
    public void How_a_function_is_reset_that_the_kernel_does_not_tell_is_no_risk() =>
        Assert.Equal(
            [Gpu],
            Given
                .Input(new Machine().Gpu().Change(Gpu, f => f with { ResetMethods = [], ResetsUntold = true }), Given.HostDevice())
                .Plan()
                .UnitIds()
        );

    [Fact]
    public void What_is_kept_from_the_VM_needs_no_reset()
    {
        var machine = new Machine().Gpu(flr: true).Audio().Change(Audio, f => f with { ResetMethods = [] });
        Assert.Equal(
            [Gpu],
            Given.Input(machine, Given.HostDevice(pci: p => p with { GroupPolicy = GroupPolicy.HoldSiblings })).Plan().UnitIds()
        );
    }

    [Fact]
    public void A_virtual_function_of_a_physical_one_on_vfio_is_said_with_both_addresses()
    {
        var plan = With(Risks.PhysicalFunctionOnVfio).Plan();
        Assert.Equal(
            $"0000:41:10.0 cannot be passed safely: its physical function {Pf} is on vfio-pci, and no VM can open it without the token of "
                + $"whoever has that; give {Pf} back to its own driver, or list PhysicalFunctionOnVfio in acceptRisks together with the "
                + "address to pass it all the same",
            plan.About("0000:41:10.0").Message
        );
        // pci-stub asks nobody for a token.
        var stub = With(Risks.PhysicalFunctionOnVfio);
        var pf = stub.Inventory.Functions[PciAddress.Parse(Pf)];
        stub = stub with
        {
            Inventory = stub.Inventory with { Functions = stub.Inventory.Functions.SetItem(pf.Address, pf with { Driver = "pci-stub" }) },
        };
        Assert.Single(stub.Plan().Units);
    }

    [Fact]
    public void A_mode_for_everybody_that_is_in_force_is_said_with_one_that_is_not()
    {
        var policy = Given.HostDevice(spec: s =>
            s with
            {
                DeviceFile = new DeviceFile { Mode = Hostdev.Crds.Kinds.FileMode.Parse("0666") },
            }
        );
        var plan = Given.Input(new Machine().Gpu(), policy).Plan();
        Assert.Single(plan.Units);
        plan.Says(
            "HostDevice/gpus",
            FindingState.Noticed,
            Reasons.OpenToOthers,
            "HostDevice/gpus: deviceFile.mode 0666 gives every user of the host its devices. It was in force before this was refused, and "
                + "stays so: write \"0660\" there"
        );
    }

    private static void Blocked(Func<HostFacts, HostFacts> facts, Risk risk, string message) =>
        Given.Input(new Machine().Gpu().Facts(facts), Given.HostDevice()).Plan().Refuses(Gpu, risk.Reason, message);

    /// <summary>A machine with one unit that has this risk and no other, wanted by a policy that writes its address out.</summary>
    private static PlanningInput With(Risk risk, params ImmutableArray<Risk> accepted) =>
        risk == Risks.PhysicalFunctionOnVfio
            ? Given.Input(
                new Machine().PhysicalFunction(vfs: 1, driver: "vfio-pci"),
                Given.Sriov(
                    null,
                    pools: [Given.Pool("all", 0, 0)],
                    spec: s =>
                        s with
                        {
                            AcceptRisks = accepted,
                            PhysicalFunctions = [new PfSelector { Addresses = [PciAddress.Parse(Pf)] }],
                        }
                )
            )
            : Given.Input(
                Risky(risk, new Machine().Gpu()),
                Accepting(accepted, risk == Risks.SlowUnbind ? Binding.OnAllocate : Binding.Static)
            );

    private static EffectivePolicy Accepting(ImmutableArray<Risk> risks, Binding binding = Binding.Static) =>
        Given.HostDevice(
            selector: new PciSelector { Addresses = [PciAddress.Parse(Gpu)] },
            spec: s => s with { AcceptRisks = risks, Binding = binding }
        );

    private static Machine Risky(Risk risk, Machine machine) =>
        risk == Risks.UnsafeInterrupts ? machine.Facts(f => f with { UnsafeInterruptsAllowed = true })
        : risk == Risks.UnknownInterruptRemapping ? machine.Facts(f => f with { InterruptRemapping = InterruptRemapping.Unknown })
        : risk == Risks.AcsOverride ? machine.Facts(f => f with { KernelArguments = ["pcie_acs_override=downstream"] })
        : risk == Risks.NoReset ? machine.Change(Gpu, f => f with { ResetMethods = [] })
        : risk == Risks.Reset ? machine.Change(Gpu, f => f with { Vendor = PciId.Parse("1002"), Device = PciId.Parse("74a1") })
        : risk == Risks.SlowUnbind ? machine.Change(Gpu, f => f with { Driver = "nouveau" })
        : throw new ArgumentOutOfRangeException(nameof(risk), $"no machine has {risk}: make one here");
}
