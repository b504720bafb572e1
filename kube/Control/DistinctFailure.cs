using Hostdev.Kube.Client;

namespace Hostdev.Kube.Control;

/// <summary>When two failures are the same to somebody who reads the log.</summary>
internal static class DistinctFailure
{
    /// <summary>
    /// Equal for failures of which one message is enough. A server that is away says so in many ways (refused, reset, no answer): that is
    /// one.
    /// </summary>
    public static string Of(Exception error) =>
        error switch
        {
            KubeTransportException => nameof(KubeTransportException),
            // whichever request it was that met it
            KubeApiException { Status: var status } => $"{status.Code} {status.Reason}: {status.Message}",
            _ => $"{error.GetType().Name}: {error.Message}",
        };

    /// <summary>
    /// What can happen to whoever talks to an API server; anything else is a bug. A write that the fence stopped may be due again in a
    /// moment, or the process ends.
    /// </summary>
    public static bool IsExpected(Exception error) =>
        error
            is KubeApiException
                or KubeTransportException
                or KubeProtocolException
                or KubeConfigurationException
                or LeadershipLostException;
}
