using Hostdev.DevicePlugin.Applying;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Agent;

/// <summary>Whether something stops all writes to the host now. One place, for the agent and for a dry run.</summary>
/// <param name="stateDamage">Why the journal, or another file without which giving back would be a guess, cannot be read; null when all
/// can.</param>
public sealed class Halts(BreakGlassFile breakGlass, string? stateDamage, BootRecord boots)
{
    /// <summary>The one that counts most; null when nothing stops.</summary>
    /// <param name="desired">The fingerprint of the desired state in force.</param>
    public Halt? Look(string desired) =>
        LookBeforeAnswer() ?? (boots.Stops(desired) is { } ended ? Halt.BootLoop(boots.Path, ended) : null);

    /// <summary>The ones that also keep devices from being given out, whatever is desired.</summary>
    public Halt? LookBeforeAnswer() =>
        breakGlass.ReadWords() is { } words ? Halt.Disabled(breakGlass.Path, words)
        : stateDamage is { } damage ? Halt.JournalDamaged(damage)
        : null;
}
