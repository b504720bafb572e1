using System.Collections.Immutable;

namespace Hostdev.Planning.Pci;

/// <summary>Units as their functions show them to be, and what is done about those that are broken.</summary>
/// <param name="Units">All of them; one that is out of service says why.</param>
internal sealed record UnitHealth(ImmutableArray<Unit> Units, ImmutableArray<Work> Work);
