using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Attributes;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>What a pool says of the network of its virtual functions, as steps.</summary>
public sealed class VfNetworkTests
{
    private static readonly PciAddress Pf = PciAddress.Parse("0000:41:00.0");
    private static readonly AttributeFile Vlan = AttributeFile.OfVf(Pf, 0, "vlan");

    [Fact]
    public void Each_field_is_a_setting_in_the_words_of_ip_link_and_what_is_absent_is_none()
    {
        var pool = Given.Pool("a", 2, 5) with
        {
            Network = new VfNetwork
            {
                Mac = new MacChoice { Type = MacType.List, Addresses = [.. Enumerable.Range(1, 4).Select(i => new MacAddress((ulong)i))] },
                Vlan = 100,
                VlanQoS = 3,
                Trust = true,
                SpoofChk = false,
                MaxTxRate = 500,
                LinkState = VfLinkState.Disable,
            },
        };
        Assert.Equal(
            ["spoofchk off", "trust on", "vlan 100 qos 3", "state disable", "rate min_tx_rate 0 max_tx_rate 500", "mac 00:00:00:00:00:03"],
            Settings(pool, vf: 4)
        );
        Assert.Empty(Settings(pool with { Network = new VfNetwork() }, 4));
        Assert.Equal(["vlan 0"], Settings(pool with { Network = new VfNetwork { Vlan = 0 } }, 4));
        Assert.Equal(
            ["vlan 7"],
            Settings(
                pool with
                {
                    Network = new VfNetwork { Vlan = 7, VlanQoS = 0 },
                },
                4
            )
        );
        Assert.Empty(Settings(pool with { Network = null }, 4));
    }

    [Fact]
    public void An_address_by_hash_is_of_node_card_and_number_and_of_no_manufacturer()
    {
        var pool = Given.Pool("a", 0, 7) with { Network = new VfNetwork { Mac = new MacChoice { Type = MacType.Hash } } };
        string Of(string node, string pf, int vf) => VfNetworkSettings.Of(pool, node, PciAddress.Parse(pf), vf).Single().Value;
        var one = Of("node1", "0000:41:00.0", 0);
        Assert.Equal("72:a3:92:02:98:8b", one); // another one would change the addresses of whoever has them
        Assert.Equal(one, Of("node1", "0000:41:00.0", 0));
        var all = ImmutableHashSet.CreateRange(
            from node in Enumerable.Range(0, 20)
            from card in Enumerable.Range(0, 4)
            from vf in Enumerable.Range(0, 64)
            select Of($"node{node}", $"0000:{card:x2}:00.0", vf)
        );
        Assert.Equal(20 * 4 * 64, all.Count);
        Assert.All(all, a => Assert.Matches("^[0-9a-f][26ae](:[0-9a-f]{2}){5}$", a));
    }

    [Fact]
    public void A_virtual_function_gets_its_driver_when_its_network_is_set_and_the_old_value_is_on_record()
    {
        var unset = Input(new AttributeReading("0"));
        Assert.Equal(
            [
                "RecordAttribute { Device = 0000:41:00.0, File = vf 0 vlan, Original = 0, Value = 100, PolicyUid = sriovpolicy-nics }",
                "vf 0 vlan of 0000:41:00.0 <- 100, with 0000:41:10.0 free",
            ],
            Steps(unset)
        );
        Assert.Contains(
            unset.Plan().Lanes.SelectMany(l => l.Steps),
            s => s.Purpose == Purpose.Set(PciAddress.Parse("0000:41:10.0")) && s.BringsIntoForce
        );
        Assert.Contains("take 0000:41:10.0", Purposes(Input(new AttributeReading("100"))));
        Assert.DoesNotContain("take 0000:41:10.0", Purposes(unset));
    }

    [Fact]
    public void One_that_was_not_read_is_unknown_so_that_nothing_is_done_about_it_and_it_is_said()
    {
        const string complaint = "was not read (ENODATA): what the kernel tells of virtual functions ends before this one";
        var unread = Input(new AttributeReading(null, complaint));
        Assert.Empty(Steps(unread));
        Assert.DoesNotContain("take 0000:41:10.0", Purposes(unread));
        var finding = Assert.Single(unread.Plan().Findings, f => f.Reason == Reasons.AttributeUnusable);
        Assert.Equal($"vf 0 vlan of 0000:41:00.0 cannot be set to \"100\": it {complaint}", finding.Message);

        // What we have set of it is neither put back nor forgotten.
        var ours = Ours(Input(new AttributeReading(null, complaint)), wanted: false);
        Assert.Empty(Steps(ours));
        Assert.Contains("is to be \"0\" again, and it was not read", Assert.Single(Releasing(ours)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_wanted_any_more_is_as_it_was_when_nobody_has_the_virtual_function_and_another_s_stays()
    {
        var set = Ours(Input(new AttributeReading("100")), wanted: false);
        Assert.Equal(
            ["vf 0 vlan of 0000:41:00.0 <- 0, with 0000:41:10.0 free", "ForgetAttribute { Device = 0000:41:00.0, File = vf 0 vlan }"],
            Steps(set)
        );
        var held = set with { Usage = Given.Users(("0000:41:10.0", UserKind.VfioHolder, "/dev/vfio/21 open by 7 (qemu)")) };
        Assert.Empty(Steps(held));
        Assert.Equal(
            "vf 0 vlan of 0000:41:00.0 is \"0\" again as soon as 0000:41:10.0 is let go; in use: /dev/vfio/21 open by 7 (qemu)",
            Assert.Single(Releasing(held)).Message
        );
        Assert.Equal(
            ["ForgetAttribute { Device = 0000:41:00.0, File = vf 0 vlan }"],
            Steps(Ours(Input(new AttributeReading("55")), wanted: false))
        );
    }

    [Fact]
    public void One_that_binds_late_is_not_given_out_before_its_network_is_set()
    {
        OnAllocate? Late(AttributeReading reading) => (
                Given.Input(
                    new Machine().PhysicalFunction(vfs: 2, vfDriver: "igbvf"),
                    Given.Sriov(
                        2,
                        pools:
                        [
                            Given.Pool("a", 0, 0) with
                            {
                                Network = new VfNetwork { Vlan = 100 },
                                Binding = Binding.OnAllocate,
                            },
                        ]
                    )
                ) with
                {
                    Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0"),
                    Attributes = ImmutableDictionary<AttributeFile, AttributeReading>.Empty.Add(Vlan, reading),
                }
            ).Plan().Units.Single().OnAllocate;

        var unset = Late(new AttributeReading("0"))!;
        Assert.Empty(unset.Steps);
        Assert.Equal(
            "vf 0 vlan of 0000:41:00.0 is not set to \"100\" yet, which comes before 0000:41:10.0 is given out",
            unset.Obstacle?.Message
        );
        var set = Late(new AttributeReading("100"))!;
        Assert.Null(set.Obstacle);
        Assert.NotEmpty(set.Steps);
    }

    [Fact]
    public void With_the_virtual_functions_goes_what_was_set_for_them()
    {
        var input = Ours(Input(new AttributeReading("100")), wanted: true);
        var fewer = input with { Policies = [Policy(new VfNetwork { Vlan = 100 }, numVfs: 1)] };
        Assert.Contains("ForgetAttribute { Device = 0000:41:00.0, File = vf 0 vlan }", Steps(fewer));
        Assert.DoesNotContain(Steps(fewer), s => s.StartsWith("vf 0", StringComparison.Ordinal));
    }

    private static PlanningInput Input(AttributeReading reading) =>
        Given.Input(new Machine().PhysicalFunction(vfs: 2), Policy(new VfNetwork { Vlan = 100 })) with
        {
            Ownership = Ownership.None.OwnsVfsOf("0000:41:00.0", setupOpen: true),
            Attributes = ImmutableDictionary<AttributeFile, AttributeReading>.Empty.Add(Vlan, reading),
        };

    /// <summary>It was 0, and is 100 by us.</summary>
    private static PlanningInput Ours(PlanningInput input, bool wanted) =>
        input with
        {
            Policies = wanted ? input.Policies : [Policy(null)],
            Ownership = input.Ownership with
            {
                Attributes = [new OwnedAttribute(Vlan, "0", "100", "sriovpolicy-nics") { IsSet = true, Reads = "100" }],
            },
        };

    private static EffectivePolicy Policy(VfNetwork? network, int numVfs = 2) =>
        Given.Sriov(numVfs, pools: [Given.Pool("a", 0, 0) with { Network = network }]);

    private static IEnumerable<string> Settings(VfPool pool, int vf) =>
        VfNetworkSettings.Of(pool, "node1", Pf, vf).Select(s => $"{s.Setting} {s.Value}");

    private static IEnumerable<Finding> Releasing(PlanningInput input) =>
        input.Plan().Findings.Where(f => f.State == FindingState.Releasing);

    private static IEnumerable<string> Purposes(PlanningInput input) =>
        input.Plan().Lanes.SelectMany(l => l.Steps).Select(s => s.Purpose.ToString()).Distinct();

    /// <summary>Those that concern attributes.</summary>
    private static IEnumerable<string> Steps(PlanningInput input) =>
        input
            .Plan()
            .Lanes.SelectMany(l => l.Steps)
            .Select(s =>
                s.Step switch
                {
                    PlanStep.SetAttribute set => $"{set.File} <- {set.Value}, with {string.Join(' ', set.MustBeFree)} free",
                    PlanStep.Record { Entry: JournalRecord.RecordAttribute or JournalRecord.ForgetAttribute } r => r.Entry.ToString(),
                    _ => "",
                }
            )
            .Where(t => t.Length > 0);
}
