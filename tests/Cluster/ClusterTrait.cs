namespace Hostdev.Tests.Cluster;

/// <summary>
/// Tests with this trait run on any API server that <see cref="RealCluster.Variable"/> names, by <c>hack/test --cluster</c>; without it on
/// the simulation, as all others.
/// </summary>
internal static class ClusterTrait
{
    public const string Name = "Cluster";

    public const string Any = "any";
}
