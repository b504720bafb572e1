namespace Hostdev.Sandbox.Demo;

/// <summary>What the admin writes: the pieces of the desired state, as text.</summary>
internal static class DemoPolicies
{
    public const string GpuResource = "example.com/gpu";
    public const string NicResource = "example.com/nic";
    public const string DiskResource = "example.com/disk";
    public const string StorageVfs = "example.com/vf-storage";
    public const string TenantVfs = "example.com/vf-tenant";

    public const string Nothing = "policies: []\n";

    public const string Gpu = $$"""
        - kind: HostDevice
          name: gpu
          spec:
            resourceName: {{GpuResource}}
            nodeSelector: {}
            devices:
              pci:
                selectors: [{vendor: "10de", device: "24b0"}]
                groupPolicy: HoldSiblings

        """;

    public const string Disk = $$"""
        - kind: HostDevice
          name: disk
          spec:
            resourceName: {{DiskResource}}
            nodeSelector: {}
            devices:
              pci:
                selectors: [{addresses: ["{{DemoMachine.DataDisk}}"]}]

        """;

    /// <summary>One port of the card; the other is in the same group, and not mentioned.</summary>
    public const string Nic = $$"""
        - kind: HostDevice
          name: nic
          spec:
            resourceName: {{NicResource}}
            nodeSelector: {}
            devices:
              pci:
                selectors: [{addresses: ["{{DemoMachine.DualPort}}"]}]

        """;

    public const string NicDeclared =
        Nic
        + """
                    members: [{function: 1, assigned: true}]

            """;

    /// <summary>VFs 0-1 in one pool, the others in another; VF 4 is in none and stays the host's.</summary>
    public static string Sriov(int vfs) =>
        $$"""
            - kind: SriovPolicy
              name: e810
              spec:
                nodeSelector: {}
                physicalFunctions: [{addresses: ["{{DemoMachine.Nic}}"]}]
                numVfs: {{vfs}}
                pools:
                - name: storage
                  vfs: [{first: 0, last: 1}]
                  resourceName: {{StorageVfs}}
                - name: tenant
                  vfs: [{first: 2, last: 3}{{(vfs > 5 ? $", {{first: 5, last: {vfs - 1}}}" : "")}}]
                  resourceName: {{TenantVfs}}

            """;

    public static string All(params ReadOnlySpan<string> policies) => "policies:\n" + string.Concat(policies);
}
