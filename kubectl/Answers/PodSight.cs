using Hostdev.Kube.Meta;

namespace Hostdev.Kubectl.Answers;

/// <summary>What a pod's metadata tells of it.</summary>
/// <param name="VirtualMachine">Null where it is none of KubeVirt's.</param>
public sealed record PodSight(string? VirtualMachine, DateTimeOffset? Since)
{
    /// <summary>
    /// The label by which all pods of VMs are found (kubevirt.io/api core/v1: <c>AppLabel</c>, whose value is <c>virt-launcher</c>).
    /// </summary>
    public const string OfVirtualMachines = "kubevirt.io=virt-launcher";

    /// <summary>
    /// KubeVirt writes the VM's name into the annotation <c>kubevirt.io/domain</c>, in full, and into a label, which has no room for a long
    /// one (kubevirt.io/api core/v1: <c>DomainAnnotation</c>, <c>VirtualMachineNameLabel</c>).
    /// </summary>
    public static PodSight Of(ObjectMeta pod) =>
        new(
            pod.Labels.GetValueOrDefault("kubevirt.io") != "virt-launcher"
                ? null
                : pod.Annotations.GetValueOrDefault("kubevirt.io/domain")
                    ?? pod.Labels.GetValueOrDefault("kubevirt.io/domain")
                    ?? pod.Labels.GetValueOrDefault("vm.kubevirt.io/name"),
            pod.CreationTimestamp
        );
}
