using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Cards on the mdev bus beside cards with vendor VFIO.</summary>
public sealed partial class VgpuTests
{
    [Fact]
    public void Where_a_card_has_mdev_types_nothing_is_written_to_the_vendor_s_directory()
    {
        var both = L40s() with
        {
            MdevParents =
            [
                .. s_functions.Select(f => new MdevParent
                {
                    Name = f,
                    PciAddress = PciAddress.Parse(f),
                    Types = [new MdevType("1155", "NVIDIA L40S-8Q", 1, "vfio-pci", null)],
                }),
            ],
        };
        var plan = Given.Input(both, Profile()).Plan();

        Assert.All(plan.Units, u => Assert.IsType<Handout.MediatedDevice>(u.Handout));
        Assert.False(plan.AsksForRoom);
        Given
            .Input(both, Profile(spec: s => s with { Transport = MdevTransport.VendorVfio }))
            .Plan()
            .Refuses(
                Card,
                Reasons.OtherTransport,
                $"{Card} makes its devices on the mdev bus (it has mdev_supported_types), and transport is VendorVfio: "
                    + "write Mdev or Auto there"
            );
        Given
            .Input(L40s(), Profile(spec: s => s with { Transport = MdevTransport.Mdev }))
            .Plan()
            .Refuses(
                Card,
                Reasons.OtherTransport,
                $"the virtual functions of {Card} are given their types by vendor VFIO (nvidia/current_vgpu_type), and transport is Mdev: "
                    + "write VendorVfio or Auto there"
            );
    }

    [Fact]
    public void A_profile_is_not_for_cards_of_both_ways_because_KubeVirt_tells_their_devices_by_different_names()
    {
        var mtty = new MdevParent { Name = "mtty", Types = [new MdevType("1155", "x", 4, "vfio-pci", null)] };
        var plan = Given.Input(L40s() with { MdevParents = [mtty] }, Profile()).Plan();

        Assert.All(plan.Units, u => Assert.IsType<Handout.MediatedDevice>(u.Handout));
        plan.Says(
            Card,
            FindingState.Blocked,
            Reasons.OtherTransport,
            $"{Card} has vendor VFIO, and other cards of this profile are on the mdev bus, whose devices need another resource name: "
                + "write a profile of its own for it, with transport: VendorVfio"
        );
    }

    /// <summary>Both say Auto, or nothing: by themselves they look alike, and only the cards of this node tell.</summary>
    [Theory]
    [InlineData(2020, 2021, MdevTransport.Auto)]
    [InlineData(2021, 2020, MdevTransport.Auto)]
    [InlineData(2021, 2020, MdevTransport.Mdev)]
    public void Two_profiles_that_come_out_as_both_ways_do_not_share_a_name_and_the_earlier_has_it(
        int typed,
        int mediated,
        MdevTransport bus
    )
    {
        const string name = "example.com/vgpu";
        var mtty = new MdevParent { Name = "mtty", Types = [new MdevType("mtty-1", "x", 4, "vfio-pci", null)] };
        var onCard = Profile("typed", year: typed, spec: s => Named(s) with { Parents = s.Parents with { Names = [] } });
        var onBus = Profile(
            "mediated",
            type: "mtty-1",
            year: mediated,
            spec: s =>
                Named(s) with
                {
                    Parents = new MdevParents { Names = ["mtty"] },
                    Transport = bus,
                }
        );
        var plan = Given.Input(L40s() with { MdevParents = [mtty] }, onCard, onBus).Plan();

        var isTypedFirst = typed < mediated;
        Assert.Equal(2, plan.Units.Length);
        Assert.All(plan.Units, u => Assert.Equal(isTypedFirst ? "typed" : "mediated", u.Policy.Name));
        plan.Says(
            isTypedFirst ? "mtty" : Card,
            FindingState.Blocked,
            Reasons.ResourceNameConflict,
            isTypedFirst
                ? $"mtty is on the mdev bus, and MdevProfile/typed, which uses {name} too, has cards with vendor VFIO on this node: a "
                    + "resource name has devices of one way; use another resourceName for it, in a profile with transport: Mdev"
                : $"{Card} has vendor VFIO, and MdevProfile/mediated, which uses {name} too, has cards on the mdev bus on this node: a "
                    + "resource name has devices of one way; use another resourceName for it, in a profile with transport: VendorVfio"
        );

        // With a name of its own each has its devices.
        var apart = Given.Input(L40s() with { MdevParents = [mtty] }, onCard, Profile("other", type: "mtty-1")).Plan();
        Assert.Contains(apart.Units, u => u.Handout is Handout.TypedFunction);

        static MdevProfileSpec Named(MdevProfileSpec spec) => spec with { ResourceName = ResourceName.Parse(name) };
    }

    /// <summary>What it may not have there it must not keep from others.</summary>
    [Fact]
    public void A_profile_that_is_refused_a_card_takes_none_of_its_functions_from_another_profile()
    {
        var mtty = new MdevParent { Name = "mtty", Types = [new MdevType("1155", "x", 4, "vfio-pci", null)] };
        var mixed = Profile("mixed", count: 4, year: 2020); // all of the card's functions, were it not for mtty
        var typed = Profile("typed", count: 4, year: 2021, spec: s => s with { Parents = s.Parents with { Names = [] } });
        var plan = Given.Input(L40s() with { MdevParents = [mtty] }, mixed, typed).Plan();

        Assert.Equal(s_functions, plan.Units.Where(u => u.Policy.Name == "typed").Select(u => u.Id.ToString()));
    }

    [Fact]
    public void A_profile_with_Auto_does_not_share_a_name_with_one_that_says_VendorVfio_and_is_told_what_to_write()
    {
        var first = Profile("first", year: 2020, spec: s => s with { Transport = MdevTransport.VendorVfio });
        var second = Profile("second", spec: s => s with { ResourceName = ResourceName.Parse("example.com/first") }, year: 2021);
        Assert.Equal(
            "MdevProfile/second uses example.com/first for mdev devices but MdevProfile/first uses it for vgpu devices: a resource name "
                + "has one kind of device; use another name, or the same transport in both",
            Given.Input(L40s(), first, second).Plan().About("MdevProfile/second").Message
        );
    }
}
