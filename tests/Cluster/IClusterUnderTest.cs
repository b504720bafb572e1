using Hostdev.Sandbox.Cluster;

namespace Hostdev.Tests.Cluster;

/// <summary>
/// The cluster that a scenario runs on. What it says to the API it says through a kubeconfig; hardware and kubelets are simulated.
/// </summary>
internal interface IClusterUnderTest : IAsyncDisposable
{
    ApiObjects Api { get; }

    /// <summary>For the nodes and operators of the scenario.</summary>
    ClusterSeat Seat { get; }

    /// <summary>What tells this scenario's objects from all others: part of their names, and a label.</summary>
    string Run { get; }

    /// <summary>
    /// What the chart's objects that stand in no namespace have at the end of their names; empty where the cluster is the scenario's alone.
    /// </summary>
    string Suffix { get; }

    /// <summary>Of the admin, for kubectl: a path, or several as <c>KUBECONFIG</c> has them.</summary>
    string Kubeconfig { get; }

    /// <summary>How long something may take.</summary>
    double PatienceSeconds { get; }
}
