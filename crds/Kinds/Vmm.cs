namespace Hostdev.Crds.Kinds;

/// <summary>A virtual machine monitor beside KubeVirt's, whose arguments for the devices a container is told.</summary>
public enum Vmm
{
    /// <summary>As <c>HOSTDEV_NAME_QEMU_ARGS</c>, for the machines <c>q35</c> and <c>virt</c>.</summary>
    Qemu,

    /// <summary>As <c>HOSTDEV_NAME_CLOUD_HYPERVISOR_ARGS</c> and <c>HOSTDEV_NAME_CLOUD_HYPERVISOR_PLATFORM</c>.</summary>
    CloudHypervisor,
}
