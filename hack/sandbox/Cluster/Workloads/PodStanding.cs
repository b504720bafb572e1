namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>How a Pod's container stands, as its kubelet reports it.</summary>
internal abstract record PodStanding
{
    private PodStanding() { }

    /// <summary>Nothing is reported: it is being admitted, or somebody else reports it, as a node does of its own agent.</summary>
    public sealed record Untold : PodStanding;

    /// <param name="Address">Of the Pod; empty where it has the node's.</param>
    public sealed record Running(bool IsReady, int Restarts = 0, string Address = "") : PodStanding;

    /// <summary>Its container is not started yet.</summary>
    public sealed record Waiting(string Reason, string Message = "") : PodStanding;

    /// <summary>It has ended by itself.</summary>
    public sealed record Ended(int ExitCode) : PodStanding;

    /// <summary>The kubelet has not admitted it, for good.</summary>
    public sealed record Rejected(string Reason, string Message) : PodStanding;
}
