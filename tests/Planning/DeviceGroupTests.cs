using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit;
using static Hostdev.Tests.Planning.GroupMachines;

namespace Hostdev.Tests.Planning;

/// <summary>Devices that are had together: what goes with what, what stays together, and what is said of the rest.</summary>
public sealed class DeviceGroupTests
{
    [Fact]
    public void A_GPU_and_a_NIC_are_one_unit_that_is_named_by_the_first_member_and_taken_all_or_nothing()
    {
        var machine = NicAndGpu();

        var plan = Given.Input(machine, Pair()).Plan();

        var unit = Assert.Single(plan.Units);
        Assert.Equal(("0000:43:00.0", "0000:43:00.0"), (unit.Id.ToString(), unit.Primary.ToString()));
        Assert.Equal(["0000:43:00.0", "0000:41:00.0"], unit.Assigned.Select(m => m.Address.ToString()));
        Assert.Empty(plan.Findings);
        Assert.Equal(1, Assert.Single(plan.Policies).Matched);
        var steps = Assert.Single(plan.Lanes).Steps.Select(s => s.Step).ToList();
        var firstWrite = steps.FindIndex(s => s is PlanStep.SetDriverOverride);
        var lastProof = steps.FindLastIndex(s => s is PlanStep.ProveFree);
        Assert.True(lastProof < firstWrite, "every device is proven free before anything of the group is changed");
        Assert.Equal(2, steps.OfType<PlanStep.Unbind>().Count());
    }

    /// <summary>Trees of machines that are sold (tests/Offering/RealMachines), with the NICs that belong to their GPUs.</summary>
    [Theory]
    // Two GPUs and a NIC below each of four switches (DGX-1): a pair of each switch, the second GPU is left over.
    [InlineData("DGX-1", "gpu=1 nic=1", "NumaNode", "g0+n0 g2+n1 g4+n2 g6+n3", "g1 g3 g5 g7")]
    [InlineData("DGX-1", "gpu=2 nic=1", "Switch", "g0+g1+n0 g2+g3+n1 g4+g5+n2 g6+g7+n3", "")]
    // Four GPUs and a NIC of one socket each: no switch has them, and none is made over the sockets' border.
    [InlineData("DGX-1", "gpu=4 nic=1", "NumaNode", "g0+g1+g2+g3+n0 g4+g5+g6+g7+n2", "n1 n3")]
    [InlineData("DGX-1", "gpu=4 nic=1", "Switch", "", "g0 g1 g2 g3 g4 g5 g6 g7 n0 n1 n2 n3")]
    // Five are more than a socket has.
    [InlineData("DGX-1", "gpu=5 nic=1", "NumaNode", "", "g0 g1 g2 g3 g4 g5 g6 g7 n0 n1 n2 n3")]
    [InlineData("DGX-1", "gpu=5 nic=1", "Machine", "g0+g1+g2+g3+g4+n0", "g5 g6 g7 n1 n2 n3")]
    // One GPU beside each NIC, the NIC of the other socket is no one's: a NIC for two GPUs goes to the one on its root port.
    [InlineData("two sockets", "gpu=1 nic=1", "NumaNode", "g0+n0 g2+n1", "g1 g3")]
    [InlineData("two sockets", "gpu=1 nic=1", "RootPort", "", "g0 g1 g2 g3 n0 n1")]
    [InlineData("two sockets", "gpu=1 nic=2", "NumaNode", "", "g0 g1 g2 g3 n0 n1")]
    [InlineData("two sockets", "gpu=1 nic=2", "Machine", "g0+n0+n1", "g1 g2 g3")]
    // A desktop tells of no NUMA nodes: it is one.
    [InlineData("desktop", "gpu=1 nic=1", "NumaNode", "g0+n0", "n1")]
    [InlineData("desktop", "gpu=1 nic=1", "RootPort", "", "g0 n0 n1")]
    // The switch that has both comes before a lower address: the GPU of the switch below, with the NIC there.
    [InlineData("chain", "gpu=1 nic=1", "NumaNode", "g1+n0", "g0")]
    public void What_goes_together_is_what_an_experienced_admin_would_choose(
        string machine,
        string group,
        string within,
        string made,
        string left
    )
    {
        var (inventory, names) = Sold(machine);
        var members = group.Split(' ').Select(m => m.Split('=')).Select(m => (m[0], int.Parse(m[1]), m[0] == "gpu" ? Gpu : Nic));

        var plan = Given.Input(inventory, Policy(Enum.Parse<Nearness>(within), [.. members])).Plan();

        Assert.Equal(made, string.Join(' ', plan.Units.Select(u => string.Join('+', u.Assigned.Select(m => names[m.Address])))));
        Assert.Equal(
            left,
            string.Join(
                ' ',
                plan.Findings.Where(f => f.Reason == Reasons.LeftOver)
                    .Select(f => names[PciAddress.Parse(f.Device)])
                    .Order(StringComparer.Ordinal)
            )
        );
        var offered = plan.Units.SelectMany(u => u.Claims).ToList();
        Assert.Equal(offered.Distinct(), offered);
    }

    [Fact]
    public void What_is_left_over_says_what_is_lacking_and_stays_with_the_host()
    {
        var (inventory, _) = Sold("two sockets");
        var plan = Given.Input(inventory, Pair()).Plan();

        var finding = plan.Findings.First(f => f.Reason == Reasons.LeftOver);
        Assert.Equal(("0000:1b:00.0", FindingState.Noticed), (finding.Device, finding.State));
        Assert.Equal(
            "0000:1b:00.0 (gpu) is left over, and stays with the host: nothing that is free within one NUMA node makes a group of 1 gpu "
                + "and 1 nic with it",
            finding.Message
        );
        Assert.DoesNotContain(plan.Steps(), s => s.Contains("0000:1b:00.0", StringComparison.Ordinal));
    }

    [Fact]
    public void A_policy_with_which_no_group_can_be_made_says_what_there_is()
    {
        var machine = new Machine();
        Add(machine, "0000:43:00.0", Gpu, 2, 0, "0000:42:01.0");

        var match = Assert.Single(Given.Input(machine, Pair()).Plan().Policies);

        Assert.Equal((0, " in groups of 1 gpu and 1 nic within one NUMA node: there is 1 gpu"), (match.Matched, match.Hint));
    }

    [Fact]
    public void What_the_host_uses_is_said_where_it_would_complete_a_group_and_the_other_is_not_taken()
    {
        var machine = NicAndGpu();
        var input = Given.Input(machine, Pair());

        var plan = (input with { Usage = Given.Users(("0000:41:00.0", UserKind.NetworkAddress, "ens1 has an address")) }).Plan();

        Assert.Empty(plan.Units);
        Assert.Empty(plan.Lanes);
        Assert.Equal(Reasons.Protected, plan.About("0000:41:00.0").Reason);
        Assert.Equal(
            "0000:43:00.0 (gpu) is left over, and stays with the host: it would be in a group with 0000:41:00.0, of which is said why it "
                + "cannot be had",
            plan.About("0000:43:00.0").Message
        );
    }

    [Fact]
    public void What_the_host_uses_is_in_nobody_s_way_where_another_one_does()
    {
        var machine = NicAndGpu();
        Add(machine, "0000:45:00.0", Nic, 3, 0, "0000:44:01.0");
        var input = Given.Input(machine, Pair());

        var plan = (input with { Usage = Given.Users(("0000:41:00.0", UserKind.NetworkAddress, "ens1 has an address")) }).Plan();

        Assert.Equal(["0000:43:00.0", "0000:45:00.0"], Assert.Single(plan.Units).Assigned.Select(m => m.Address.ToString()));
        Assert.Equal((Reasons.LeftOver, FindingState.Noticed), (plan.About("0000:41:00.0").Reason, plan.About("0000:41:00.0").State));
    }

    [Fact]
    public void What_a_policy_of_precedence_has_is_in_no_group_and_another_takes_its_place()
    {
        var machine = NicAndGpu();
        Add(machine, "0000:45:00.0", Nic, 3, 0, "0000:44:01.0");
        var first = Given.HostDevice(
            "nics",
            new PciSelector { Addresses = [PciAddress.Parse("0000:41:00.0")] },
            spec: s => s with { Priority = 9 }
        );

        var plan = Given.Input(machine, Pair(), first).Plan();

        Assert.Equal(
            ["0000:41:00.0", "0000:43:00.0+0000:45:00.0"],
            plan.Units.Select(u => string.Join('+', u.Assigned.Select(m => m.Address)))
        );
    }

    [Fact]
    public void A_group_that_a_pod_has_stays_as_it_is_whatever_would_be_nearer_by_now()
    {
        var machine = NicAndGpu();
        Add(machine, "0000:45:00.0", Nic, 3, 0, "0000:42:01.0");
        var input = Given.Input(machine, Pair());
        Assert.Equal(["0000:43:00.0", "0000:45:00.0"], Assert.Single(input.Plan().Units).Assigned.Select(m => m.Address.ToString()));

        var held = input with { GivenDevices = Has("0000:43:00.0", "0000:43:00.0", "0000:41:00.0") };
        Assert.Equal(["0000:43:00.0", "0000:41:00.0"], Assert.Single(held.Plan().Units).Assigned.Select(m => m.Address.ToString()));
    }

    /// <summary>Else the spare would come and go each time that the first is tried again.</summary>
    [Fact]
    public void What_is_taken_for_the_policy_stays_together_though_another_device_would_come_first()
    {
        var machine = new Machine();
        Add(machine, "0000:41:00.0", Nic, 1, 0, "0000:42:01.0");
        Add(machine, "0000:43:00.0", Gpu, 2, 0, "0000:42:01.0");
        Add(machine, "0000:45:00.0", Nic, 3, 0, "0000:44:01.0");
        foreach (var taken in new[] { "0000:43:00.0", "0000:45:00.0" })
            machine.Change(taken, f => f with { Driver = "vfio-pci" });
        var input = Given.Input(machine, Pair());
        Assert.Equal(["0000:43:00.0", "0000:41:00.0"], Assert.Single(input.Plan().Units).Assigned.Select(m => m.Address.ToString()));

        var ownership = Ownership
            .None.Owns("0000:43:00.0", "nouveau", policy: "hostdevice-sets")
            .Owns("0000:45:00.0", "mlx5_core", policy: "hostdevice-sets");
        var plan = (input with { Ownership = ownership }).Plan();
        Assert.Equal(["0000:43:00.0", "0000:45:00.0"], Assert.Single(plan.Units).Assigned.Select(m => m.Address.ToString()));
        Assert.Empty(plan.Lanes);
    }

    [Fact]
    public void With_binding_OnAllocate_too_what_the_host_needs_is_passed_over_where_another_one_does()
    {
        var machine = NicAndGpu();
        Add(machine, "0000:45:00.0", Nic, 3, 0, "0000:44:01.0");
        var late = Pair();
        var spec = ((DesiredPolicy.OfHostDevice)late.InForce).Spec;
        var input = Given.Input(
            machine,
            Given.HostDevice(
                "sets",
                spec: s => s with { Devices = spec.Devices, Binding = Binding.OnAllocate, AcceptRisks = [Risks.SlowUnbind] }
            )
        );

        var plan = (input with { Usage = Given.Users(("0000:41:00.0", UserKind.NetworkAddress, "ens1 has an address")) }).Plan();

        var unit = Assert.Single(plan.Units);
        Assert.Equal(["0000:43:00.0", "0000:45:00.0"], unit.Assigned.Select(m => m.Address.ToString()));
        Assert.Null(unit.OnAllocate!.Obstacle);
        Assert.Equal(2, unit.OnAllocate.Steps.OfType<PlanStep.Unbind>().Count());
    }

    /// <summary>The largest group that a policy may ask for, and of its last member there is none.</summary>
    [Fact]
    public void Of_many_members_one_that_is_lacking_is_seen_at_once()
    {
        var machine = new Machine();
        for (var i = 0; i < 7 * 16; i++)
            Add(machine, $"0000:{0x10 + i:x2}:00.0", $"10de:{0x3000 + (i % 7):x4}", i, 0, "0000:00:01.0");
        var members = Enumerable.Range(0, 8).Select(m => ($"m{m}", 16, $"10de:{0x3000 + m:x4}"));

        var plan = Given.Input(machine, Policy(Nearness.Machine, [.. members])).Plan();

        Assert.Empty(plan.Units);
        Assert.Equal(7 * 16, plan.Findings.Count(f => f.Reason == Reasons.LeftOver));
    }

    [Fact]
    public void Every_proof_is_of_the_whole_so_that_one_that_fails_takes_nothing()
    {
        var machine = NicAndGpu();

        var lane = Assert.Single(Given.Input(machine, Pair()).Plan().Lanes);

        Assert.All(lane.Steps, s => Assert.Equal(DeviceId.Parse("0000:43:00.0"), s.Unit));
        Assert.Equal(
            [Purpose.Take(DeviceId.Parse("0000:43:00.0")), Purpose.Take(DeviceId.Parse("0000:41:00.0"))],
            lane.Steps.Select(s => s.Purpose).Distinct()
        );
    }

    [Fact]
    public void What_a_pod_has_of_another_group_is_put_into_none_until_that_pod_is_gone()
    {
        var machine = NicAndGpu();
        Add(machine, "0000:45:00.0", Gpu, 3, 0, "0000:44:01.0");
        var input = Given.Input(machine, Policy(("gpu", 2, Gpu), ("nic", 1, Nic)));

        var plan = (input with { GivenDevices = Has("0000:43:00.0", "0000:43:00.0", "0000:41:00.0") }).Plan();

        Assert.Empty(plan.Units);
        Assert.Equal(
            "0000:41:00.0 is with a pod as a part of 0000:43:00.0, which is no group that is asked for now: it is put into another when "
                + "that pod is gone",
            plan.About("0000:41:00.0").Message
        );
        Assert.Equal(FindingState.Waiting, plan.About("0000:41:00.0").State);
        Assert.Single(input.Plan().Units);
    }

    /// <summary>Below the ports of a switch without ACS all is one IOMMU group.</summary>
    [Fact]
    public void An_IOMMU_group_that_has_all_members_is_a_group_by_itself()
    {
        var machine = new Machine();
        Add(machine, "0000:43:00.0", Gpu, 7, 0, "0000:40:01.0", "0000:41:00.0", "0000:42:00.0");
        Add(machine, "0000:44:00.0", Nic, 7, 0, "0000:40:01.0", "0000:41:00.0", "0000:42:01.0");

        var plan = Given.Input(machine, Policy(Nearness.Switch, ("gpu", 1, Gpu), ("nic", 1, Nic))).Plan();

        var unit = Assert.Single(plan.Units);
        Assert.Equal(["0000:43:00.0", "0000:44:00.0"], unit.Assigned.Select(m => m.Address.ToString()));
        Assert.Empty(plan.Findings);
    }

    [Fact]
    public void An_IOMMU_group_that_has_more_than_a_group_takes_is_left_over()
    {
        var machine = new Machine();
        Add(machine, "0000:43:00.0", Gpu, 7, 0, "0000:40:01.0", "0000:41:00.0", "0000:42:00.0");
        Add(machine, "0000:44:00.0", Gpu, 7, 0, "0000:40:01.0", "0000:41:00.0", "0000:42:01.0");
        Add(machine, "0000:46:00.0", Nic, 8, 0, "0000:45:01.0");

        var plan = Given.Input(machine, Pair()).Plan();

        Assert.Empty(plan.Units);
        Assert.Equal(
            "0000:43:00.0 (gpu) is left over, and stays with the host: its IOMMU group has 2 gpu that are only had together, and a group "
                + "has 1 gpu and 1 nic",
            plan.About("0000:43:00.0").Message
        );
    }

    [Fact]
    public void A_step_that_failed_with_one_device_lets_another_take_its_place()
    {
        var machine = NicAndGpu();
        Add(machine, "0000:45:00.0", Nic, 3, 0, "0000:44:01.0");
        var input = Given.Input(machine, Pair());
        var failed = ImmutableDictionary<Purpose, Setback>.Empty.Add(
            Purpose.Take(DeviceId.Parse("0000:41:00.0")),
            new Setback(Reasons.StepFailed, "mlx5_core does not let it go")
        );

        var unit = Assert.Single((input with { Setbacks = failed }).Plan().Units);

        Assert.Equal(["0000:43:00.0", "0000:45:00.0"], unit.Assigned.Select(m => m.Address.ToString()));
    }

    [Fact]
    public void One_faulty_device_puts_the_whole_group_out_of_service()
    {
        var machine = NicAndGpu();
        machine.Change("0000:41:00.0", f => f with { Driver = "vfio-pci", Health = new FunctionHealth(Answers: false, FatalErrors: 0) });

        var unit = Assert.Single(Given.Input(machine, Pair()).Plan().Units);

        Assert.Contains("0000:41:00.0 is out of service", unit.Fault, StringComparison.Ordinal);
    }

    /// <summary>The group's own resource stands for its first device; KubeVirt takes each other one by its companion.</summary>
    [Fact]
    public void Members_have_companions_in_the_order_of_the_group_but_for_the_device_that_it_is_named_by()
    {
        var (inventory, _) = Sold("DGX-1");
        var policy = Policy(Nearness.Switch, ("gpu", 2, Gpu), ("nic", 1, Nic));
        var spec = ((DesiredPolicy.OfHostDevice)policy.InForce).Spec;
        var (gpu, nic) = (spec.Devices.Group!.Members[0], spec.Devices.Group!.Members[1]);
        var with = Given.HostDevice(
            "sets",
            spec: s =>
                s with
                {
                    Devices = new DeviceSource
                    {
                        Group = spec.Devices.Group with
                        {
                            Members =
                            [
                                gpu with
                                {
                                    Companion = ResourceName.Parse("example.com/other-gpu"),
                                },
                                nic with
                                {
                                    Companion = ResourceName.Parse("example.com/nic"),
                                },
                            ],
                        },
                    },
                }
        );

        var unit = Given.Input(inventory, with).Plan().Units[0];

        Assert.Equal(
            [("example.com/other-gpu", "0000:11:00.0"), ("example.com/nic", "0000:12:00.0")],
            unit.Companions.Select(c => (c.Name.Value, c.Device.ToString()))
        );
        Assert.Equal(
            ["example.com/nic", "example.com/other-gpu", "example.com/sets"],
            ResourceNameClaims.NamesOf(with.InForce).Select(n => n.Name.Value).Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public void A_function_that_two_members_select_counts_for_the_first()
    {
        var machine = new Machine();
        Add(machine, "0000:41:00.0", Nic, 1, 0, "0000:40:01.0");
        Add(machine, "0000:43:00.0", Nic, 2, 0, "0000:42:01.0");
        var policy = Policy(("fast", 1, Nic), ("slow", 1, Nic));

        var plan = Given.Input(machine, policy).Plan();

        Assert.Empty(plan.Units);
        Assert.Equal(" in groups of 1 fast and 1 slow within one NUMA node: there are 2 fast", Assert.Single(plan.Policies).Hint);
    }

    /// <summary>The second device has another driver than the first, and its own words about its slot.</summary>
    [Fact]
    public void Within_one_IOMMU_group_each_member_has_its_own_driver_and_counts_functions_from_its_own_slot()
    {
        var machine = new Machine();
        Add(machine, "0000:43:00.0", Gpu, 7, 0, "0000:40:01.0", "0000:41:00.0", "0000:42:00.0");
        Add(machine, "0000:44:00.0", Nic, 7, 0, "0000:40:01.0", "0000:41:00.0", "0000:42:01.0");
        Add(machine, "0000:44:00.1", "15b3:c2d3", 7, 0, "0000:40:01.0", "0000:41:00.0", "0000:42:01.0");
        var group = ((DesiredPolicy.OfHostDevice)Pair().InForce).Spec.Devices.Group!;
        var named = group.Members[1].Pci with
        {
            Driver = new DriverChoice { Type = DriverType.Named, Name = "mlx5_vfio_pci" },
            Members = [new GroupMember { Function = 1, Assigned = false }],
        };
        var devices = new DeviceSource { Group = group with { Members = [group.Members[0], group.Members[1] with { Pci = named }] } };

        var plan = Given.Input(machine, Given.HostDevice("sets", spec: s => s with { Devices = devices })).Plan();

        var unit = Assert.Single(plan.Units);
        Assert.Equal(
            [("0000:43:00.0", "vfio-pci"), ("0000:44:00.0", "mlx5_vfio_pci")],
            unit.Assigned.Select(m => (m.Address.ToString(), m.Driver))
        );
        Assert.Equal(["0000:44:00.1"], unit.Held.Select(m => m.Address.ToString()));
    }

    private static ImmutableDictionary<DeviceId, ImmutableArray<DeviceId>> Has(string unit, params string[] devices) =>
        ImmutableDictionary<DeviceId, ImmutableArray<DeviceId>>.Empty.Add(DeviceId.Parse(unit), [.. devices.Select(DeviceId.Parse)]);

    private static EffectivePolicy Pair() => Policy(("gpu", 1, Gpu), ("nic", 1, Nic));

    private static EffectivePolicy Policy(params ReadOnlySpan<(string Name, int Count, string Ids)> members) =>
        Policy(Nearness.NumaNode, members);

    private static EffectivePolicy Policy(Nearness within, params ReadOnlySpan<(string Name, int Count, string Ids)> members)
    {
        ImmutableArray<DeviceGroupMember> all =
        [
            .. members
                .ToArray()
                .Select(m => new DeviceGroupMember
                {
                    Name = m.Name,
                    Count = m.Count,
                    Pci = new PciDevices
                    {
                        Selectors = [new PciSelector { Vendor = PciId.Parse(m.Ids[..4]), Device = PciId.Parse(m.Ids[5..]) }],
                    },
                }),
        ];
        return Given.HostDevice(
            "sets",
            spec: s =>
                s with
                {
                    Devices = new DeviceSource
                    {
                        Group = new DeviceGroup { Within = within, Members = all },
                    },
                }
        );
    }
}
