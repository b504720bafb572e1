using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Xunit;

namespace Hostdev.Tests.Crds;

/// <summary>What a policy must keep beyond its fields' types, each with the words an admin reads.</summary>
public sealed class ValidatorTests
{
    private const string Pci = "selectors: [{vendor: \"10de\"}]";

    [Theory]
    [InlineData("devices: {}", "spec.devices holds 0 of pci, usb and scsi: give exactly one")]
    [InlineData("devices: {pci: {selectors: [{vendor: \"10de\"}]}, usb: {selectors: [{serial: a}]}}", "spec.devices holds 2 of pci, usb and scsi: give exactly one")]
    [InlineData("devices: {usb: {selectors: []}}", "spec.devices.usb.selectors is empty: an empty list selects nothing; give at least one selector")]
    [InlineData("devices: {usb: {selectors: [{}]}}", "spec.devices.usb.selectors[0] has no property: it would select every device; give at least one")]
    [InlineData("devices: {scsi: {selectors: [{vendor: a}, {}]}}", "spec.devices.scsi.selectors[1] has no property: it would select every device; give at least one")]
    [InlineData("devices: {pci: {selectors: []}}", "spec.devices.pci.selectors is empty: an empty list selects nothing; give at least one selector")]
    [InlineData("devices: {pci: {selectors: [{addresses: []}]}}", "spec.devices.pci.selectors[0] has no property: it would select every device; give at least one")]
    [InlineData("devices: {pci: {" + Pci + ", driver: {type: Named}}}", "spec.devices.pci.driver.name is required with type Named: name a driver of /sys/bus/pci/drivers")]
    [InlineData("devices: {pci: {" + Pci + ", driver: {name: x}}}", "spec.devices.pci.driver.name has no meaning with type Vfio: remove it, or use type Named")]
    [InlineData("devices: {pci: {" + Pci + ", driver: {type: Named, name: a/b}}}", "spec.devices.pci.driver.name is \"a/b\": name a driver of /sys/bus/pci/drivers")]
    [InlineData("devices: {pci: {" + Pci + ", driver: {type: Named, name: (null)}}}", "spec.devices.pci.driver.name is \"(null)\": name a driver of /sys/bus/pci/drivers")]
    [InlineData("devices: {pci: {" + Pci + ", driver: {type: Native}}}", "spec.devices.pci.driver.type Native leaves the device to the host: use Vfio, Auto or Named")]
    [InlineData("devices: {pci: {" + Pci + ", members: [{}]}}", "spec.devices.pci.members[0] names its function in 0 ways: give exactly one of function, address, or vendor with device")]
    [InlineData("devices: {pci: {" + Pci + ", members: [{function: 1, address: \"0000:00:00.0\"}]}}", "spec.devices.pci.members[0] names its function in 2 ways: give exactly one of function, address, or vendor with device")]
    [InlineData("devices: {pci: {" + Pci + ", members: [{vendor: \"10de\"}]}}", "spec.devices.pci.members[0] needs vendor and device together")]
    [InlineData("devices: {pci: {" + Pci + ", members: [{function: 8}]}}", "spec.devices.pci.members[0].function is 8: a slot has functions 0 to 7")]
    [InlineData("devices: {pci: {" + Pci + ", groupPolicy: HoldSiblings, members: [{function: 1}]}}", "spec.devices.pci.members has no meaning with groupPolicy HoldSiblings or AssignSiblings: remove one of the two")]
    [InlineData("allowProtected: [Console], devices: {pci: {" + Pci + "}}", "spec.allowProtected overrides the host's own need of a device and is only legal when every selector lists addresses: add addresses, or remove allowProtected")]
    [InlineData("allowProtected: [Console], devices: {usb: {selectors: [{serial: a}]}}", "spec.allowProtected overrides the host's own need of a device and is only legal when every selector lists addresses: add addresses, or remove allowProtected")]
    public void A_HostDevice_is_told_what_is_wrong(string fields, string problem) =>
        Assert.Equal(["HostDevice/x: " + problem], Problems("HostDevice", "resourceName: a.com/b, nodeSelector: {}, " + fields));

    [Fact]
    public void AllowProtected_with_addresses_is_fine() =>
        Assert.Empty(Problems("HostDevice", "resourceName: a.com/b, nodeSelector: {}, allowProtected: [Console], devices: {pci: {selectors: [{addresses: [\"0000:00:00.0\"]}]}}"));

    [Theory]
    [InlineData("physicalFunctions: [], numVfs: 2", "spec.physicalFunctions is empty: an empty list selects nothing; give at least one selector")]
    [InlineData("physicalFunctions: [{}], numVfs: 2", "spec.physicalFunctions[0] has no property: it would select every device; give at least one")]
    [InlineData("physicalFunctions: [{driver: igb}]", "spec.numVfs is required with management Owned: say how many virtual functions each physical function gets")]
    [InlineData("physicalFunctions: [{driver: igb}], management: External, numVfs: 2", "spec.numVfs has no meaning with management External: remove it, or set management to Owned")]
    [InlineData("physicalFunctions: [{driver: igb}], numVfs: -1", "spec.numVfs is -1: use 0 or more")]
    [InlineData("physicalFunctions: [{driver: igb}], numVfs: 2, allowProtected: [Network]", "spec.allowProtected is only legal when every entry of physicalFunctions lists addresses: add addresses, or remove allowProtected")]
    [InlineData("physicalFunctions: [{driver: igb}], numVfs: 2, pools: [{name: a, vfs: [], resourceName: a.com/b}]", "spec.pools[a].vfs is empty: list ranges such as {first: 0, last: 3}")]
    [InlineData("physicalFunctions: [{driver: igb}], numVfs: 2, pools: [{name: a, vfs: [{first: 0, last: 1}]}]", "spec.pools[a].resourceName is required: without a name nobody can ask for these functions")]
    [InlineData("physicalFunctions: [{driver: igb}], numVfs: 2, pools: [{name: a, vfs: [{first: 0, last: 1}], driver: {type: Native}, resourceName: a.com/b}]", "spec.pools[a].resourceName offers functions that the driver Native leaves to the host: remove resourceName, or use driver type Vfio")]
    [InlineData("physicalFunctions: [{driver: igb}], numVfs: 2, pools: [{name: a, vfs: [{first: 1, last: 0}], resourceName: a.com/b}]", "spec.pools[a].vfs has the range 1 to 0: first must be 0 or more, last not below first")]
    [InlineData("physicalFunctions: [{driver: igb}], numVfs: 2, pools: [{name: a, vfs: [{first: 0, last: 2}], resourceName: a.com/b}]", "spec.pools[a].vfs reaches to VF 2 but numVfs is 2: VFs are counted from 0 to 1")]
    [InlineData("physicalFunctions: [{driver: igb}], numVfs: 4, pools: [{name: a, vfs: [{first: 0, last: 2}], resourceName: a.com/b}, {name: b, vfs: [{first: 2, last: 3}], resourceName: a.com/b}]", "spec.pools[b].vfs 2-3 overlaps 0-2 of pool a: a VF is in one pool")]
    [InlineData("physicalFunctions: [{driver: igb}], numVfs: 2, pools: [{name: a, vfs: [{first: 0, last: 1}], resourceName: a.com/b, driver: {type: Named}}]", "spec.pools[a].driver.name is required with type Named: name a driver of /sys/bus/pci/drivers")]
    public void A_SriovPolicy_is_told_what_is_wrong(string fields, string problem) =>
        Assert.Equal(["SriovPolicy/x: " + problem], Problems("SriovPolicy", "nodeSelector: {}, " + fields));

    [Fact]
    public void Two_pools_of_one_name_are_said_to_be_two()
    {
        var problem = Assert.Single(Problems("SriovPolicy", "nodeSelector: {}, physicalFunctions: [{driver: igb}], numVfs: 4, pools: [{name: a, vfs: [{first: 0, last: 1}], resourceName: a.com/b}, {name: a, vfs: [{first: 2, last: 3}], resourceName: a.com/b}]"));

        Assert.Contains("spec.pools[a] stands there twice: give each pool a name of its own", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("parents: {names: [m]}, instances: {count: 1}", "spec names its type by typeId or by typeName: give exactly one")]
    [InlineData("parents: {names: [m]}, typeId: a, typeName: b, instances: {count: 1}", "spec names its type by typeId or by typeName: give exactly one")]
    [InlineData("parents: {}, typeId: a, instances: {count: 1}", "spec.parents.selectors is empty: an empty list selects nothing; give at least one selector")]
    [InlineData("parents: {selectors: [{}]}, typeId: a, instances: {count: 1}", "spec.parents.selectors[0] has no property: it would select every device; give at least one")]
    [InlineData("parents: {names: [m]}, typeId: a, instances: {}", "spec.instances.count is required with mode Static, 0 or more per parent")]
    [InlineData("parents: {names: [m]}, typeId: a, instances: {mode: OnDemand, max: 0}", "spec.instances.max is required with mode OnDemand, 1 or more per parent")]
    [InlineData("parents: {names: [m]}, typeId: a, instances: {count: 1}, attributes: {../x: \"1\"}", "spec.attributes has the name \"../x\": use the plain name of a file of the mdev")]
    public void An_MdevProfile_is_told_what_is_wrong(string fields, string problem) =>
        Assert.Equal(["MdevProfile/x: " + problem], Problems("MdevProfile", "resourceName: a.com/b, nodeSelector: {}, " + fields));

    [Fact]
    public void Every_problem_is_reported_at_once()
    {
        var problem = Assert.Single(Problems("HostDevice", "resourceName: a.com/b, nodeSelector: {}, devices: {pci: {selectors: [{}], driver: {type: Named}, members: [{function: 9}]}}"));

        Assert.Equal(3, problem.Split("; spec.").Length);
    }

    private static List<string> Problems(string kind, string fields)
    {
        var state = NodeDeviceStateReader.Read($"policies: [{{kind: {kind}, name: x, spec: {{{fields}}}}}]", out var error);
        Assert.Equal("", error);
        return [.. state!.Policies.OfType<DesiredPolicy.Frozen>().Select(f => f.Message)];
    }
}
