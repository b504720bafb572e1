namespace Hostdev.Crds.Words;

public static partial class Reasons
{
    /// <summary>Why a resource does not reach the kubelet as it should.</summary>
    public static readonly ReasonTable Kubelet = new();

    public static readonly Reason KubeletAbsent = Kubelet.Add(
        new(
            "KubeletAbsent",
            "the kubelet's socket is not there",
            "start the kubelet, or check `--kubelet-dir` (the chart's `agent.devicePluginDir`); clears by itself",
            Ends.Event
        )
    );

    public static readonly Reason RegistrationFailed = Kubelet.Add(
        new(
            "RegistrationFailed",
            "the kubelet refused, or our socket could not be served",
            "as the message says; tried again with growing waits",
            Ends.Retry
        )
    );

    public static readonly Reason ResourceContested = Kubelet.Add(
        new(
            "ResourceContested",
            "the name is another device plugin's on this node, or one takes it again and again",
            "remove that plugin, or choose another `resourceName`; ends by itself when the plugin is gone",
            Ends.Retry
        )
    );

    public static readonly Reason ListTooLarge = Kubelet.Add(
        new("ListTooLarge", "more devices than one message to the kubelet holds", "divide the resource", Ends.Admin)
    );
}
