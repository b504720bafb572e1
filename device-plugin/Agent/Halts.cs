using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>Whether something stops all writes to the host now. One place, for the agent and for a dry run.</summary>
public sealed class Halts(BreakGlassFile breakGlass, BootRecord boots)
{
    /// <summary>The one that counts most; null when nothing stops.</summary>
    /// <param name="desired">The fingerprint of the desired state in force.</param>
    public Halt? Look(string desired) =>
        breakGlass.ReadWords() is { } words ? Halt.Disabled(breakGlass.Path, words)
        : boots.Stops(desired) is { } ended ? Halt.BootLoop(boots.Path, ended)
        : null;
}
