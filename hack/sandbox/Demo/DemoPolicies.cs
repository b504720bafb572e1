namespace Hostdev.Sandbox.Demo;

/// <summary>What the admin writes: the pieces of the desired state, as text.</summary>
internal static class DemoPolicies
{
    public const string GpuResource = "example.com/gpu";
    public const string NicResource = "example.com/nic";
    public const string DiskResource = "example.com/disk";
    public const string StorageVfs = "example.com/vf-storage";
    public const string TenantVfs = "example.com/vf-tenant";
    public const string LentVfs = "example.com/vf-lent";
    public const string Vgpus = "example.com/t4-1q";
    public const string DeskVgpus = "example.com/p4-1b";

    /// <summary>Their types, as their cards call them.</summary>
    public const string Vgpu = "GRID T4-1Q";
    public const string DeskVgpu = "GRID P4-1B";

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

    /// <summary>Two vGPUs that are made once, and four that are made when a VM asks for one.</summary>
    public const string VgpuProfiles = $$"""
        - kind: MdevProfile
          name: t4-1q
          spec:
            resourceName: {{Vgpus}}
            nodeSelector: {}
            parents: {selectors: [{vendor: "10de", device: "1eb8"}]}
            typeName: {{Vgpu}}
            instances: {mode: Static, count: 2}
        - kind: MdevProfile
          name: p4-1b
          spec:
            resourceName: {{DeskVgpus}}
            nodeSelector: {}
            parents: {selectors: [{vendor: "10de", device: "1bb3"}]}
            typeName: {{DeskVgpu}}
            instances: {mode: OnDemand, max: 4}

        """;

    /// <summary>VFs 0-1 in one pool, the others in another; VF 4 is the host's.</summary>
    /// <param name="lent">VF 4 is given to VMs too, and the host has it while none does.</param>
    /// <param name="accepted">That its driver may take long to let go is accepted.</param>
    public static string Sriov(int vfs, bool lent = false, bool accepted = true) =>
        $$"""
            - kind: SriovPolicy
              name: e810
              spec:
                nodeSelector: {}
                physicalFunctions: [{addresses: ["{{DemoMachine.Nic}}"]}]
                numVfs: {{vfs}}{{(lent && accepted ? "\n    acceptRisks: [SlowUnbind]" : "")}}
                pools:
                - name: storage
                  vfs: [{first: 0, last: 1}]
                  resourceName: {{StorageVfs}}
                - name: tenant
                  vfs: [{first: 2, last: 3}{{(vfs > 5 ? $", {{first: 5, last: {vfs - 1}}}" : "")}}]
                  resourceName: {{TenantVfs}}

            """
        + (
            lent
                ? $$"""
                        - name: lent
                          vfs: [{first: 4, last: 4}]
                          binding: OnAllocate
                          resourceName: {{LentVfs}}

                    """
                : ""
        );

    public static string All(params ReadOnlySpan<string> policies) => "policies:\n" + string.Concat(policies);
}
