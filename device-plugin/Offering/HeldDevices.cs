using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>One device ID of one of our resources that somebody holds.</summary>
public readonly record struct HeldDevice(ResourceName Resource, string Id);

/// <summary>
/// Everything of ours that is held, as one reading saw it. Only resources that are ours: each named here is kept registered until its last
/// holder is gone.
/// </summary>
/// <param name="Devices">What is held for any reason: a pod, an open node, doubt. If unsure, an ID is held.</param>
/// <param name="AsOf">When the reading began, by the agent's clock. What was answered later may be missing in it.</param>
public sealed record HeldDevices(ImmutableHashSet<HeldDevice> Devices, DateTimeOffset AsOf);
