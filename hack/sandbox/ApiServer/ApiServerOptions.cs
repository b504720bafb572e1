namespace Hostdev.Sandbox.ApiServer;

/// <summary>How a simulated API server is set up.</summary>
public sealed record ApiServerOptions
{
    /// <summary>On 127.0.0.1; 0 for one that is free. It is kept over restarts.</summary>
    public int Port { get; init; }

    /// <summary>
    /// Serves HTTPS with a certificate of a CA of its own, which kubeconfigs carry, and takes that CA's client certificates. kubectl says
    /// who it is over HTTPS only (client-go <c>clientcmd.ClientConfig</c>), so without it kubectl meets 401.
    /// </summary>
    public bool Https { get; init; } = true;

    /// <summary>Off, everybody who is known may do everything.</summary>
    public bool Rbac { get; init; }

    /// <summary>
    /// How many changes the history keeps, over all resources. Watches from before, and lists begun before, have to begin anew.
    /// </summary>
    public int HistoryWindow { get; init; } = 10_000;

    /// <summary>What <c>/version</c> says.</summary>
    public string Version { get; init; } = "v1.36.0";

    /// <summary>The clock of timestamps, of watches' ends and bookmarks, and of slow answers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
