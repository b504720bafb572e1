using System.Collections.Immutable;

namespace Hostdev.Planning;

/// <summary>What is left of what policies want and may have, and what is said of the rest.</summary>
internal sealed record Restricted(Targets Targets, ImmutableArray<Finding> Findings);
