using Hostdev.DevicePlugin.Kubelet.Grpc;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.DevicePlugin.Kubelet.Protos.Pods;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>The methods, names and numbers of the kubelet's APIs (contracts/kubelet.md; Kubernetes <c>k8s.io/kubelet/pkg/apis</c>).</summary>
public static class KubeletApi
{
    public const string Version = "v1beta1";
    public const string Healthy = "Healthy";
    public const string Unhealthy = "Unhealthy";
    public const string DefaultDevicePluginDirectory = "/var/lib/kubelet/device-plugins";
    public const string DefaultPodResourcesSocket = "/var/lib/kubelet/pod-resources/kubelet.sock";
    public const string KubeletSocketName = "kubelet.sock";

    private const string DevicePluginService = "v1beta1.DevicePlugin";
    private const string PodResourcesService = "v1.PodResourcesLister";

    public static GrpcMethod<RegisterRequest, Empty> Register { get; } = new("v1beta1.Registration", "Register", RegisterRequest.Parser, Empty.Parser);

    public static GrpcMethod<Empty, DevicePluginOptions> GetDevicePluginOptions { get; } = new(DevicePluginService, "GetDevicePluginOptions", Empty.Parser, DevicePluginOptions.Parser);

    public static GrpcMethod<Empty, ListAndWatchResponse> ListAndWatch { get; } = new(DevicePluginService, "ListAndWatch", Empty.Parser, ListAndWatchResponse.Parser);

    public static GrpcMethod<PreferredAllocationRequest, PreferredAllocationResponse> GetPreferredAllocation { get; } =
        new(DevicePluginService, "GetPreferredAllocation", PreferredAllocationRequest.Parser, PreferredAllocationResponse.Parser);

    public static GrpcMethod<AllocateRequest, AllocateResponse> Allocate { get; } = new(DevicePluginService, "Allocate", AllocateRequest.Parser, AllocateResponse.Parser);

    public static GrpcMethod<PreStartContainerRequest, PreStartContainerResponse> PreStartContainer { get; } =
        new(DevicePluginService, "PreStartContainer", PreStartContainerRequest.Parser, PreStartContainerResponse.Parser);

    public static GrpcMethod<ListPodResourcesRequest, ListPodResourcesResponse> ListPodResources { get; } =
        new(PodResourcesService, "List", ListPodResourcesRequest.Parser, ListPodResourcesResponse.Parser);

    public static GrpcMethod<AllocatableResourcesRequest, AllocatableResourcesResponse> GetAllocatableResources { get; } =
        new(PodResourcesService, "GetAllocatableResources", AllocatableResourcesRequest.Parser, AllocatableResourcesResponse.Parser);
}
