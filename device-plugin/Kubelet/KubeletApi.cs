namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>The names of the kubelet's APIs (contracts/kubelet.md; Kubernetes <c>k8s.io/kubelet/pkg/apis</c>).</summary>
public static class KubeletApi
{
    public const string Version = "v1beta1";
    public const string Healthy = "Healthy";
    public const string Unhealthy = "Unhealthy";
    public const string DefaultDevicePluginDirectory = "/var/lib/kubelet/device-plugins";
    public const string DefaultPodResourcesSocket = "/var/lib/kubelet/pod-resources/kubelet.sock";
    public const string KubeletSocketName = "kubelet.sock";
}
