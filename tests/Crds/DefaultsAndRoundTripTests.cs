using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Xunit;

namespace Hostdev.Tests.Crds;

/// <summary>The generated readers set every init property, absent ones too: what an absent field means must hold all the same.</summary>
public sealed class DefaultsAndRoundTripTests
{
    private const string Full = """
        policies:
        - kind: HostDevice
          name: all
          uid: u1
          generation: 7
          creationTimestamp: "2026-01-02T03:04:05.0000000+00:00"
          spec:
            resourceName: example.com/gpu
            nodeSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [d]}]}
            priority: 5
            rollout: {maxUnavailable: "2"}
            disruption: Cordon
            deviceFile: {uid: 107, gid: 108, mode: "0600"}
            binding: OnAllocate
            allowProtected: [Console]
            devices:
              pci:
                selectors:
                - {vendor: "10de", device: "2204", subsystemVendor: "1043", subsystemDevice: "87d1", class: "0300",
                   addresses: ["0000:43:00.0"], slot: "7", driver: nouveau}
                driver: {type: Named, name: nvgrace_gpu_vfio_pci}
                groupPolicy: Explicit
                members: [{function: 1, assigned: false}, {address: "0000:43:00.2"}, {vendor: "10de", device: "1aef", assigned: true}]
                iommuBackend: Legacy
                reset: Never
                virtualFunctions: true
        - kind: SriovPolicy
          name: nics
          uid: u2
          generation: 1
          spec:
            nodeSelector: {}
            physicalFunctions: [{vendor: "8086", device: "10c9", addresses: ["0000:41:00.0"], interfaces: [eth4], driver: igb}]
            management: Owned
            numVfs: 4
            allowProtected: [Network]
            pools:
            - {name: a, vfs: [{first: 0, last: 1}], driver: {type: Auto}, resourceName: example.com/vf, iommuBackend: Legacy, reset: Never}
            - {name: b, vfs: [{first: 2, last: 3}], driver: {type: Native}}
        - kind: MdevProfile
          name: vgpu
          uid: u3
          generation: 1
          spec:
            resourceName: example.com/vgpu
            nodeSelector: {}
            parents: {names: [mtty], selectors: [{vendor: "10de"}]}
            transport: VendorVfio
            typeName: GRID T4-1Q
            instances: {mode: OnDemand, max: 4}
            attributes: {frl_config: "60"}
        """;

    [Fact]
    public void A_HostDevice_with_the_least_has_the_defaults_that_are_promised()
    {
        var spec = (
            (DesiredPolicy.OfHostDevice)
                Read(
                    """
                    policies: [{kind: HostDevice, name: x, spec: {resourceName: a.com/b, nodeSelector: {}, deviceFile: {}, rollout: {},
                      devices: {pci: {selectors: [{vendor: "10de"}], members: [{function: 1}]}}}}]
                    """
                )[0]
        ).Spec;
        var pci = spec.Devices.Pci!;

        Assert.Equal((0, 0, "0660"), (spec.DeviceFile!.Uid, spec.DeviceFile.Gid, spec.DeviceFile.Mode.ToString()));
        Assert.Equal("10%", spec.Rollout!.MaxUnavailable);
        Assert.Equal((0, Disruption.WhenIdle, Binding.Static), (spec.Priority, spec.Disruption, spec.Binding));
        Assert.Equal((DriverType.Vfio, null), (pci.Driver.Type, pci.Driver.Name));
        Assert.Equal((GroupPolicy.Explicit, IommuBackend.LegacyAndCdev, false), (pci.GroupPolicy, pci.IommuBackend, pci.VirtualFunctions));
        Assert.Null(pci.Reset); // absent is Auto: HealthTests
        Assert.Null(pci.Members[0].Assigned); // absent is assigned: GroupPolicyTests
        Assert.Equal((0, 0, 0), (spec.AllowProtected.Length, pci.Selectors[0].Addresses.Length, spec.NodeSelector.MatchExpressions.Length));
        Assert.Empty(spec.NodeSelector.MatchLabels);
        Assert.Equal((null, null, null), (spec.Devices.Usb, spec.Devices.Scsi, pci.Selectors[0].Device));
    }

    [Fact]
    public void What_is_absent_altogether_has_its_default_too()
    {
        var spec = (
            (DesiredPolicy.OfHostDevice)
                Read(
                    """policies: [{kind: HostDevice, name: x, spec: {resourceName: a.com/b, nodeSelector: {}, """
                        + """devices: {pci: {selectors: [{vendor: "10de"}]}}}}]"""
                )[0]
        ).Spec;

        Assert.Equal((null, null), (spec.DeviceFile, spec.Rollout));
        Assert.Empty(spec.Devices.Pci!.Members);
    }

    [Fact]
    public void A_SriovPolicy_with_the_least_has_the_defaults_that_are_promised()
    {
        var spec = (
            (DesiredPolicy.OfSriovPolicy)
                Read(
                    """
                    policies: [{kind: SriovPolicy, name: x, spec: {nodeSelector: {}, physicalFunctions: [{driver: igb}], numVfs: 2,
                      pools: [{name: a, vfs: [{first: 0, last: 1}], resourceName: a.com/b}]}}]
                    """
                )[0]
        ).Spec;

        Assert.Equal((VfManagement.Owned, Disruption.WhenIdle), (spec.Management, spec.Disruption));
        Assert.Equal((DriverType.Vfio, IommuBackend.LegacyAndCdev), (spec.Pools[0].Driver.Type, spec.Pools[0].IommuBackend));
        Assert.Equal(
            (0, 0, 0),
            (spec.AllowProtected.Length, spec.PhysicalFunctions[0].Addresses.Length, spec.PhysicalFunctions[0].Interfaces.Length)
        );
        Assert.Empty(
            (
                (DesiredPolicy.OfSriovPolicy)
                    Read(
                        "policies: [{kind: SriovPolicy, name: x, spec: {nodeSelector: {}, physicalFunctions: [{driver: igb}], numVfs: 2}}]"
                    )[0]
            )
                .Spec
                .Pools
        );
    }

    [Fact]
    public void An_MdevProfile_with_the_least_has_the_defaults_that_are_promised()
    {
        var spec = (
            (DesiredPolicy.OfMdevProfile)
                Read(
                    "policies: [{kind: MdevProfile, name: x, spec: {resourceName: a.com/b, nodeSelector: {}, "
                        + "parents: {names: [mtty]}, typeId: mtty-1, instances: {count: 2}}}]"
                )[0]
        ).Spec;

        Assert.Equal(MdevMode.Static, spec.Instances.Mode);
        Assert.Empty(spec.Attributes);
        Assert.Empty(spec.Parents.Selectors);
        Assert.Null(spec.Transport);
    }

    /// <summary>An agent of the version before does not know the field, and would not follow a profile that has it.</summary>
    [Fact]
    public void A_transport_that_nobody_wrote_is_not_written()
    {
        const string profile =
            "policies: [{kind: MdevProfile, name: x, spec: {resourceName: a.com/b, nodeSelector: {}, parents: {names: [mtty]}, "
            + "typeId: mtty-1, instances: {count: 2}}}]";
        Assert.DoesNotContain("transport", Write(Read(profile)), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Every_field_comes_back_from_what_is_written()
    {
        var first = Write(Read(Full));
        var second = Write(Read(first));

        Assert.Equal(first, second);
        foreach (
            var value in new[]
            {
                "\"0600\"",
                "OnAllocate",
                "VendorVfio",
                "\"107\"",
                "nvgrace_gpu_vfio_pci",
                "0000:43:00.2",
                "87d1",
                "Legacy",
                "virtualFunctions",
                "matchExpressions",
                "GRID T4-1Q",
                "frl_config",
                "eth4",
                "Native",
                "maxUnavailable",
            }
        )
        {
            Assert.Contains(value == "\"107\"" ? "107" : value, first, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_policy_is_written_as_it_was_read()
    {
        var expected = YamlJson.Parse(Full, out _)!["policies"]![0]!;
        var written = NodeDeviceStateWriter.ToJson(Read(Full)[0])!;

        Assert.Equal(expected["creationTimestamp"]!.ToString(), written["creationTimestamp"]!.ToString());
        Assert.True(
            JsonNode.DeepEquals(expected["spec"]!["devices"]!["pci"]!["selectors"], written["spec"]!["devices"]!["pci"]!["selectors"]),
            written.ToJsonString()
        );
        Assert.True(JsonNode.DeepEquals(expected["spec"]!["deviceFile"], written["spec"]!["deviceFile"]));
    }

    [Fact]
    public void A_policy_that_was_never_understood_is_not_written() =>
        Assert.Null(NodeDeviceStateWriter.ToJson(Read("policies: [{kind: HostDevice, name: x, spec: {}}]")[0]));

    private static DesiredPolicy[] Read(string text)
    {
        var spec = NodeDeviceStateReader.Read(text, out var error);
        Assert.Equal("", error);
        return [.. spec!.Policies];
    }

    private static string Write(DesiredPolicy[] policies)
    {
        Assert.All(policies, p => Assert.IsNotType<DesiredPolicy.Frozen>(p));
        return new JsonObject { ["policies"] = new JsonArray([.. policies.Select(NodeDeviceStateWriter.ToJson)]) }.ToJsonString();
    }
}
