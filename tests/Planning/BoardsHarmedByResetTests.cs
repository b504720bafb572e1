using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Boards that a reset harms, wherever in a unit they are, and kernels that keep the harm away.</summary>
public sealed class BoardsHarmedByResetTests
{
    private const string Gpu = "0000:43:00.0";
    private const string Sibling = "0000:43:00.1";

    public static TheoryData<string> Boards => [.. BoardsHarmedByReset.All.Select(b => $"{b.Vendor}:{b.Device}")];

    [Theory]
    [MemberData(nameof(Boards))]
    public void Each_is_refused_with_its_name_and_where_its_harm_is_told(string ids)
    {
        var board = BoardsHarmedByReset.All.Single(b => $"{b.Vendor}:{b.Device}" == ids);
        var said = Given.Input(new Machine().Function(Gpu, 12, "nouveau", ids, flr: true), Policy()).Plan().About(Gpu);
        Assert.Equal((FindingState.Blocked, Risks.Reset.Reason), (said.State, said.Reason));
        Assert.Contains($"a reset of {Gpu} ({board.Name}) ", said.Message, StringComparison.Ordinal);
        Assert.Contains($"({board.Report})", said.Message, StringComparison.Ordinal);
        Assert.StartsWith("https://", board.Report, StringComparison.Ordinal);
        Assert.Contains(board.Name.Split(' ', 3)[2], Guide(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_whole_message_says_what_resets_it_and_what_else_can_be_passed() =>
        Given
            .Input(new Machine().Function(Gpu, 12, "amdgpu", "1002:75a3"), Policy())
            .Plan()
            .Refuses(
                Gpu,
                Reasons.Of("ResetHarmful"),
                $"{Gpu} cannot be passed safely: a reset of {Gpu} (AMD Instinct MI355X) leaves it without an answer, its "
                    + "configuration space all ones, until the host reboots "
                    + "(https://github.com/amd/MxGPU-Virtualization/issues/25); VFIO resets a device whenever a VM opens or closes it, "
                    + "and no setting of Hostdev keeps it from that; pass virtual functions of it, which are not harmed, or list Reset "
                    + "in acceptRisks together with the address to pass it all the same"
            );

    [Theory]
    [InlineData("1002:740f")] // the report's id for the MI300X is the MI210's
    [InlineData("1002:74b5")] // a virtual function of an MI300X, passed by whoever made it
    [InlineData("10de:2204")]
    [InlineData("1234:74a1")]
    public void Others_are_not(string ids) =>
        Assert.Single(Given.Input(new Machine().Function(Gpu, 12, "nouveau", ids), Policy()).Plan().Units);

    [Fact]
    public void A_virtual_function_of_such_a_board_is_not()
    {
        var machine = new Machine()
            .PhysicalFunction(vfs: 1)
            .Change("0000:41:00.0", f => f with { Vendor = PciId.Parse("1002"), Device = PciId.Parse("74a1") })
            .Change("0000:41:10.0", f => f with { Vendor = PciId.Parse("1002"), Device = PciId.Parse("74a1") });
        var policy = Given.Sriov(
            null,
            pools: [Given.Pool("all", 0, 0)],
            spec: s => s with { PhysicalFunctions = [new PfSelector { Addresses = [PciAddress.Parse("0000:41:00.0")] }] }
        );
        Assert.Equal(["0000:41:10.0"], Given.Input(machine, policy).Plan().UnitIds());
    }

    /// <summary>A reset of the bus reaches what is kept from the VM too.</summary>
    [Fact]
    public void One_that_is_held_is_accepted_by_its_own_address()
    {
        var machine = new Machine().Gpu(flr: true).Function(Sibling, 12, "amdgpu", "1002:74a1");
        Plan Plan(GroupPolicy group, params ImmutableArray<GroupMember> members) =>
            Given.Input(machine, Policy(p => p with { GroupPolicy = group, Members = members }, Risks.Reset)).Plan();

        var said = Plan(GroupPolicy.HoldSiblings).About(Gpu);
        Assert.Equal((FindingState.Blocked, Risks.Reset.Reason), (said.State, said.Reason));
        Assert.StartsWith(
            $"{Gpu} cannot be passed safely: a reset of {Sibling} (AMD Instinct MI300X) ",
            said.Message,
            StringComparison.Ordinal
        );
        Assert.EndsWith(
            $", or list Reset in acceptRisks together with the address {Sibling} in members to pass it all the same",
            said.Message,
            StringComparison.Ordinal
        );
        var named = new GroupMember { Address = PciAddress.Parse(Sibling), Assigned = false };
        Assert.Equal([Gpu], Plan(GroupPolicy.Explicit, named).UnitIds());
    }

    [Theory]
    [InlineData("7.2.1-3.fc44.x86_64", true)]
    [InlineData("7.2.0-rc3", false)] // its quirks may come with the next one
    [InlineData("7.1.9-amd64", false)]
    [InlineData("8.0.0-1-generic", true)]
    [InlineData("6.12.9-amd64", false)]
    [InlineData("5.14.0-503.el9.x86_64", false)]
    [InlineData("", false)]
    public void A_kernel_cures_from_its_version_on_and_one_that_cannot_be_told_does_not(string release, bool isCured)
    {
        var board = BoardsHarmedByReset.All[0];
        Assert.False(board.IsCuredIn(release));
        var cured = board with { CuredSince = new KernelVersion(7, 2) };
        Assert.Equal(isCured, cured.IsCuredIn(release));
        var function = new Machine().Gpu().Build().Functions[PciAddress.Parse(Gpu)];
        Assert.EndsWith("; not from Linux 7.2 on)", cured.Harms(function), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("6.12.117+deb12-amd64", "6.12.117")]
    [InlineData("6.8.0-60-generic", "6.8")]
    [InlineData("5.14.0-503.el9.x86_64", "5.14")]
    [InlineData("4.18.0-553.el8_10.x86_64", "4.18")]
    [InlineData("6.6.14.2-vendor", "6.6.14")]
    [InlineData("7.0", "7.0")]
    [InlineData("7.1.0-rc2-next", null)]
    [InlineData("7", null)]
    [InlineData("99999999999.1", null)]
    [InlineData("moon", null)]
    public void A_release_is_read_as_the_upstream_version_that_it_begins_with(string release, string? version) =>
        Assert.Equal(version, KernelVersion.OfRelease(release)?.ToString());

    private static string Guide() => File.ReadAllText(Repository.Path("docs/guide.md"));

    private static EffectivePolicy Policy(Func<PciDevices, PciDevices>? pci = null, params ImmutableArray<Risk> accepted) =>
        Given.HostDevice(
            selector: new PciSelector { Addresses = [PciAddress.Parse(Gpu)] },
            pci: pci,
            spec: s => s with { AcceptRisks = accepted }
        );
}
