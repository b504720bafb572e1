using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>A policy as a whole, before any device is looked at.</summary>
internal sealed record PolicyCase(DesiredPolicy Policy) : ICase
{
    public Finding Say(FindingState state, Reason reason, string message) =>
        new(Policy.Identity, Policy.Identity.ToString(), state, reason, message);
}
