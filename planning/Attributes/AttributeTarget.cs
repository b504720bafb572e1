using Hostdev.Crds;
using Hostdev.Crds.Kinds;

namespace Hostdev.Planning.Attributes;

/// <summary>What a file is to be set to, and for whom.</summary>
/// <param name="Subject">The function that it is a setting of, where a failure and its repairs are remembered.</param>
/// <param name="PhysicalFunction">Whose policy it is.</param>
/// <param name="IsTimely">Whether it is to be written now, if it is not set: what comes after virtual functions waits for them.</param>
internal sealed record AttributeTarget(
    AttributeFile File,
    string Value,
    PolicyIdentity Policy,
    DeviceId Subject,
    PciAddress PhysicalFunction,
    AttributeTime When,
    bool IsTimely
)
{
    /// <summary>A virtual function that has a driver refuses it.</summary>
    public bool NeedsUnbound { get; init; }

    /// <summary>The one virtual function that it is for, by index, in what the physical function has; null where it is for all.</summary>
    public int? Vf { get; init; }

    /// <summary>
    /// What comes before virtual functions and what comes after them are different things to be done, so that the second is no repair of
    /// the first.
    /// </summary>
    public Purpose Purpose => When == AttributeTime.BeforeVfs ? Purpose.Prepare(PhysicalFunction) : Purpose.Set(Subject);
}
