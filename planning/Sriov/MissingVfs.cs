namespace Hostdev.Planning.Sriov;

/// <summary>Virtual functions that pools name and that are not there.</summary>
/// <param name="Units">How many of them are for VMs.</param>
internal sealed record MissingVfs(int Units, Finding Finding);
