using Hostdev.Kube.Client;

namespace Hostdev.Kubectl.Commands;

/// <summary>What may be expected of a cluster that is asked, in a sentence with what to do.</summary>
internal static class Failure
{
    public static bool IsExpected(Exception e) =>
        e
            is KubeApiException
                or KubeTransportException
                or KubeProtocolException
                or KubeConfigurationException
                or AnswerException
                or IOException;

    public static string Sentence(Exception e) =>
        e switch
        {
            KubeApiException { IsNotServed: true } =>
                "there is no Hostdev in this cluster, which does not know the kind NodeDeviceState: install the chart, or name another "
                    + "cluster with --context or --kubeconfig",
            KubeApiException { IsForbidden: true } refused => Forbidden(refused),
            KubeApiException { IsUnauthorized: true } =>
                "the API server does not know you (401): log in again, or name another context with --context",
            IOException => $"the output cannot be written: {e.Message}",
            _ => e.Message,
        };

    /// <summary>The server's own words name who it is, the verb and the resource.</summary>
    public static string Forbidden(KubeApiException refused) =>
        $"{refused.Status.Message}: "
        + (
            refused.Status.Message.Contains("hostdev.io", StringComparison.Ordinal)
                ? "ask for the ClusterRole hostdev-view, by a ClusterRoleBinding"
            : refused.Status.Message.Contains("\"nodes\"", StringComparison.Ordinal)
                ? "ask for a ClusterRole that lists nodes (kubectl create clusterrole node-lister --verb=list --resource=nodes), by a "
                    + "ClusterRoleBinding"
            : "ask for the cluster's own ClusterRole view"
        );
}
