using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Sriov;

/// <summary>What the selectors of a policy mean.</summary>
/// <param name="Functions">In the order of the candidates.</param>
/// <param name="ByName">Those of them that were chosen by a property that software can change.</param>
/// <param name="Findings">What is called otherwise than it seems to be.</param>
internal sealed record Chosen(
    PolicyIdentity Policy,
    ImmutableArray<PciFunction> Functions,
    ImmutableArray<Choice> ByName,
    ImmutableArray<Finding> Findings
);
