using Hostdev.Kube.Client;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Microsoft.Extensions.Logging;

namespace Hostdev.Sandbox.Cluster;

/// <summary>What nodes and operators that run in this process need of their cluster, simulated or real.</summary>
/// <param name="Directory">Where their files lie.</param>
/// <param name="Namespace">Where operator and agents live.</param>
/// <param name="Objects">For what kubelets and controllers write in a real cluster.</param>
/// <param name="Connect">A client of this user; a cluster that cannot make users gives the admin's.</param>
public sealed record ClusterSeat(
    string Directory,
    string Namespace,
    IClusterObjects Objects,
    Func<ApiUser, string, ILoggerFactory, KubeClient> Connect
);
