using Hostdev.Crds.Words;

namespace Hostdev.Planning.Pci;

/// <summary>
/// What keeps a group from being a unit, one check for each reason, in the order in which they are said: what nobody can change from here
/// before what an admin may change, and that before what a policy must declare.
/// </summary>
internal static class GroupChecks
{
    public static Checks<GroupCase> All { get; } =
        new(
            Unreadable,
            HostLacks,
            NotEligible,
            Ancestor,
            Bridge,
            OtherMembers,
            Machine,
            Undeclared,
            CompanionMissing,
            KeepsItsDriver,
            MissingDriver
        );

    private static Objection? Unreadable(GroupCase it) =>
        Objection.Of(it.Members.Select(it.Situation.Unreadable).FirstOrDefault(u => u is not null))?.WithoutMore();

    private static Objection? HostLacks(GroupCase it) =>
        Objection.Of(HostConditions.Problem(it.Inventory, it.Primary)) is not { } objection ? null
        : it.Inventory.GroupOf(it.Primary) is null ? objection.WithoutMore()
        : objection;

    private static Objection? NotEligible(GroupCase it) =>
        Objection.Of(Reasons.NotEligible, GroupProblems.NotEligible(it.Request, it.Group), isForNewAlone: true);

    private static Objection? Ancestor(GroupCase it) =>
        Objection.Of(Reasons.Ancestor, GroupProblems.Ancestor(it.Situation, it.Request, it.Asked));

    private static Objection? Bridge(GroupCase it) => Objection.Of(Reasons.GroupNotViable, GroupProblems.Bridge(it.Inventory, it.Group));

    private static Objection? OtherMembers(GroupCase it) =>
        Objection.Of(Reasons.GroupNotViable, GroupProblems.OtherMembers(it.Request, it.Inventory, it.Group), isForNewAlone: true);

    /// <summary>
    /// No declaration gives what the machine itself needs; a virtual function is not declared for, whatever shares its group.
    /// </summary>
    public static Objection? Machine(GroupCase it) =>
        it.Primary.IsVirtualFunction && GroupProblems.Undeclared(it.Request, it.Asked) is not null
            ? null
            : Objection.Of(Reasons.Protected, GroupProblems.Machine(it.Situation, it.Request, it.Asked), isForNewAlone: true);

    private static Objection? Undeclared(GroupCase it) =>
        Objection.Of(Reasons.UndeclaredSiblings, GroupProblems.Undeclared(it.Request, it.Shape));

    private static Objection? CompanionMissing(GroupCase it) =>
        Objection.Of(Reasons.CompanionMissing, GroupProblems.CompanionMissing(it.Request, it.Composed.Unit));

    /// <summary>
    /// vfio-pci refuses a function that vendor VFIO gives its types (contracts/vgpu.md): its driver would be gone, and nothing won.
    /// </summary>
    private static Objection? KeepsItsDriver(GroupCase it) =>
        it.ToTake.FirstOrDefault(f => f is { Vgpu: not null, Driver: not null }) is { } function
            ? Objection.Of(
                Reasons.NotSupported,
                $"{function.Address} gets its types by vendor VFIO (nvidia/current_vgpu_type) and must stay on {function.Driver}: offer it "
                    + "by a MdevProfile, and take it out of this policy"
            )
            : null;

    private static Objection? MissingDriver(GroupCase it) =>
        Objection.Of(
            it.Composed.Unit.Functions()
                .Select(m =>
                    HostConditions.MissingDriver(it.Inventory, m.Address.ToString(), m.Driver, it.Inventory.Functions[m.Address].Driver)
                )
                .FirstOrDefault(m => m is not null)
        );
}
