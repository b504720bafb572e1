using System.Collections.Frozen;
using Hostdev.Crds.Kinds;
using Hostdev.Planning.Attributes;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Mdev;

namespace Hostdev.Planning;

/// <summary>What planning looks at, and what follows from that alone. Every phase may ask it, and none changes it.</summary>
internal sealed class Situation(PlanningInput input)
{
    public PlanningInput Input { get; } = input;

    public HostInventory Inventory => Input.Inventory;

    public ResourceNameClaims Names => field ??= ResourceNameClaims.Of(Input.Policies.Select(p => p.Reported));

    public MdevWays MdevWays => field ??= MdevWays.Of(this);

    public VgpuShares VgpuShares => field ??= VgpuShares.Of(this);

    /// <summary>Files that are ours: a card with hundreds of virtual functions may have thousands of settings.</summary>
    public FrozenDictionary<AttributeFile, OwnedAttribute> OwnedAttributes =>
        field ??= Input.Ownership.Attributes.ToFrozenDictionary(a => a.File);

    public DeviceGraph Graph => field ??= DeviceGraph.Of(Inventory);
}
