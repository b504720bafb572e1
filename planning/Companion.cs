using Hostdev.Crds;

namespace Hostdev.Planning;

/// <summary>
/// A member of a unit that KubeVirt takes to the VM by a resource of its own: it makes one device of each unit that a VM asks for, and reads
/// no second address of one (contracts/kubevirt.md, 4).
/// </summary>
/// <param name="Name">The resource of tokens: whoever asks for one beside the unit gets this member with it.</param>
/// <param name="Device">Given with the unit, whose answer names it under <paramref name="Name"/>.</param>
public sealed record Companion(ResourceName Name, DeviceId Device);
