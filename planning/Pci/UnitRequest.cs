using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>What a policy asks of one group.</summary>
internal sealed record UnitRequest : ICase
{
    public required PolicyIdentity Policy { get; init; }

    public required ResourceName Resource { get; init; }

    /// <summary>The functions of the group that the policy names, ordered; the first is the primary.</summary>
    public required ImmutableArray<PciFunction> Selected { get; init; }

    /// <summary>Who asks for which of them: one for an ordinary policy, one for each member of a device group that has some here.</summary>
    public required ImmutableArray<RequestPart> Parts { get; init; }

    public GroupPolicy GroupPolicy { get; init; }

    public ImmutableArray<Protection> AllowProtected { get; init; } = [];

    public ImmutableArray<Risk> AcceptRisks { get; init; } = [];

    /// <summary>The addresses that selectors and <c>members</c> write out.</summary>
    public ImmutableHashSet<PciAddress> Addresses { get; init; } = [];

    public required DeviceFile? DeviceFile { get; init; }

    public required IommuBackend IommuBackend { get; init; }

    public Binding Binding { get; init; }

    /// <summary>Why a unit that binds late is not to be had yet; null where nothing of it is to be set first.</summary>
    public Obstacle? Unset { get; init; }

    public required ResetChoice Reset { get; init; }

    public bool Cordoned { get; init; }

    /// <summary>What its policy says of a change that must wait for a user: stop offering meanwhile, or withdraw nothing.</summary>
    public required Disruption Disruption { get; init; }

    public PciFunction Primary => Selected[0];

    /// <summary>The entries of <c>members</c> of all parts.</summary>
    public IEnumerable<GroupMember> Members => Parts.SelectMany(p => p.Members);

    /// <summary>The first entry of <c>members</c> that names this other function of the group; null where none does.</summary>
    public GroupMember? EntryOf(PciFunction function) => Parts.Select(p => p.EntryOf(function)).FirstOrDefault(e => e is not null);

    /// <summary>What is said of the driver of a function that leaves the host: by who selects it, or who names it in <c>members</c>.
    /// </summary>
    public DriverChoice DriverOf(PciFunction function) =>
        (
            Parts.FirstOrDefault(p => p.Selected.Contains(function))
            ?? Parts.FirstOrDefault(p => p.EntryOf(function) is not null)
            ?? Parts[0]
        ).Driver;

    /// <summary>
    /// Whether an admin said of this very function that the host can do without it. Who allows to take the network of one function says
    /// nothing of its siblings, which come along by a groupPolicy: their own address must stand in a selector or in <c>members</c>. A
    /// virtual function is named by its physical function.
    /// </summary>
    public bool Overrides(PciFunction function, Protection protection) => AllowProtected.Contains(protection) && IsNamed(function);

    /// <summary>Whether the policy accepts what stands against all of a host, or against these functions of it.</summary>
    public bool Accepts(Risk risk, IEnumerable<PciFunction> functions) =>
        AcceptRisks.Contains(risk) && (risk.Of != RiskOf.Device || functions.All(IsNamed));

    /// <summary>Those that the policy does not write out, as the words " X in members"; empty where it does.</summary>
    public string InMembers(IEnumerable<PciFunction> functions)
    {
        var unnamed = functions.Where(f => !IsNamed(f)).Select(f => f.Address).Distinct().Order().ToList();
        return unnamed.Count == 0 ? "" : $" {string.Join(", ", unnamed)} in members";
    }

    public bool IsNamed(PciFunction function) => Selected.Contains(function) || Addresses.Contains(function.Address);

    public Finding Say(FindingState state, Reason reason, string message) =>
        new(Policy, Primary.Address.ToString(), state, reason, message);
}

/// <summary>What one list of selectors asks of the functions that it selects in a group, and of those beside them.</summary>
/// <param name="Selected">Ordered; the first is the one from whose slot <c>members</c> counts functions.</param>
internal sealed record RequestPart(ImmutableArray<PciFunction> Selected, DriverChoice Driver, ImmutableArray<GroupMember> Members)
{
    /// <summary>The first entry of <c>members</c> that names this function; null where none does.</summary>
    public GroupMember? EntryOf(PciFunction function) => Members.FirstOrDefault(m => DeviceSelector.Names(m, function, Selected[0]));
}
