using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;

namespace Hostdev.Planning.Attributes;

/// <summary>What a file is to be set to, and for whom.</summary>
/// <param name="PhysicalFunction">Whose policy it is.</param>
/// <param name="Kind">Its row in the table.</param>
/// <param name="IsTimely">Whether it is to be written now, if it is not set: what comes after virtual functions waits for them.</param>
internal sealed record AttributeTarget(
    AttributeFile File,
    string Value,
    PolicyIdentity Policy,
    PciAddress PhysicalFunction,
    WritableFile Kind,
    AttributeTime When,
    bool IsTimely
)
{
    /// <summary>
    /// What comes before virtual functions and what comes after them are different things to be done, so that the second is no repair of
    /// the first.
    /// </summary>
    public Purpose Purpose => When == AttributeTime.BeforeVfs ? Purpose.Prepare(PhysicalFunction) : Purpose.Set(File.Device);
}
