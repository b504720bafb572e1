using System.Collections.Immutable;

namespace Hostdev.Sandbox.Demo;

/// <summary>What one may do with the demo's cluster once its story is told: lines to copy, from the repository's directory.</summary>
internal static class PlayText
{
    /// <summary>
    /// What is to be copied begins with two spaces, and has room in a terminal of 80 columns: a line that is broken is two.
    /// </summary>
    public static ImmutableArray<string> Lines(string kubeconfig) =>
        [
            "The cluster runs on, without policies, and runs any Pod that asks for devices. Ctrl-C ends it.",
            "In another terminal, in this directory (hack/kubetools gets helm and kubectl; your own will do):",
            $"  export KUBECONFIG={kubeconfig}",
            "  export PATH=$(hack/kubetools):$PATH",
            "  export PATH=$PWD/artifacts/demo/bin/Hostdev.Kubectl/release:$PATH",
            "Devices for VMs; more of them in examples/cluster:",
            "  kubectl label node gpu-1 mixed-1 example.com/passthrough=true",
            "  kubectl apply -f examples/cluster/gpus.yaml -f examples/cluster/e810.yaml",
            "  kubectl apply -f examples/cluster/usb-dongle.yaml",
            "  kubectl wait --for=condition=Ready hostdevice/gpus; kubectl get hostdev",
            "  kubectl describe node gpu-1",
            "A Pod of a VM, what it was given, and who has what:",
            "  kubectl apply -f examples/pods/gpu.yaml",
            "  kubectl wait -n vms --for=condition=Ready pod/render",
            "  kubectl logs -n vms render; kubectl hostdev devices",
            "  kubectl hostdev free example.com/gpu; kubectl delete -n vms pod/render",
            "Cards and dongles can be pulled, and plugged in again:",
            "  hack/demo unplug gpu-1 0000:82:00.0; hack/demo plug gpu-1 0000:82:00.0",
            "  hack/demo unplug mixed-1 0000:84:00.0/1",
            "Operators and agents are Pods, and helm takes them over:",
            "  kubectl get pods -n hostdev-system",
            "  kubectl logs -n hostdev-system hostdev-device-plugin-gpu-1",
            "  helm install hostdev charts/hostdev -n hostdev-system --wait",
            "  helm uninstall hostdev -n hostdev-system",
        ];
}
