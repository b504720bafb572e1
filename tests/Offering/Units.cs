using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Planning.Places;
using Hostdev.Tests.Planning;

namespace Hostdev.Tests.Offering;

/// <summary>Units and groups in few words.</summary>
internal static class Units
{
    /// <summary>A unit of these functions, all assigned and wanted on vfio-pci.</summary>
    public static Unit Of(params string[] addresses) =>
        new()
        {
            Id = DeviceId.Parse(addresses[0]),
            Resource = ResourceName.Parse("example.com/gpu"),
            Policy = new PolicyIdentity("HostDevice", "gpus", "hostdevice-gpus", 1, null),
            Handout = new Handout.VfioGroup
            {
                Primary = PciAddress.Parse(addresses[0]),
                Assigned = [.. addresses.Select(a => new UnitMember(PciAddress.Parse(a), "vfio-pci"))],
                Held = [],
                IommuBackend = IommuBackend.LegacyAndCdev,
            },
            DeviceFile = null,
        };

    /// <summary>A unit with how it stands when its group is so.</summary>
    public static (Unit Unit, UnitState State) In(this Unit unit, GroupState group) => (unit, group.Stand(unit.Group));

    public static GroupState State(int? group, params (string Address, string? Driver)[] members) =>
        new(
            group,
            members.ToImmutableSortedDictionary(m => PciAddress.Parse(m.Address), m => m.Driver),
            ImmutableSortedDictionary<PciAddress, string>.Empty
        );

    /// <summary>A unit in the catalog, by place.</summary>
    public static KeyValuePair<string, CatalogUnit> At(string id, int? numa = null, params string[] path) =>
        new(id, new CatalogUnit(Of("0000:43:00.0"), null, new Place(numa, [.. path.Select(DeviceId.Parse)])));
}
