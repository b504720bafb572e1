using Hostdev.Tests;
using Hostdev.Tests.Charts;
using Hostdev.Tests.Cluster;
using Hostdev.Tests.Demo;
using Hostdev.Tests.Kubelet;
using Hostdev.Tests.Operator;
using Hostdev.Tests.Sandbox.ApiServer;
using Hostdev.Tests.Scenarios;
using Hostdev.Tests.Shipped;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongestFirst))]

namespace Hostdev.Tests;

/// <summary>
/// Classes run beside each other, the tests of one class one after the other: what takes long begins first, so that nothing runs alone at
/// the end. Those that wait go before those that compute, for they leave the processor to the others.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly Type[] s_first =
    [
        typeof(Helm3UninstallTests),
        typeof(Helm4UninstallTests),
        typeof(Helm3Tests),
        typeof(Helm4Tests),
        typeof(PlaygroundHelmTests),
        typeof(PlaygroundTests),
        typeof(SimulatedVfScenarios),
        typeof(SimulatedSecondWriterScenarios),
        typeof(RandomSequenceTests),
        typeof(FloodTests),
        typeof(ConvergenceTests),
        typeof(SimulatedKubeletScenarios),
        typeof(CrashTests),
        typeof(MalformedInputScenarios),
        typeof(ClusterDemoTests),
        typeof(DemoTests),
        typeof(OperatorTests),
        typeof(SimulatedWaitingScenarios),
        typeof(AllocationTests),
        typeof(LeadershipTests),
        typeof(CommandTests),
        typeof(SocketSequenceTests),
        typeof(ReadyScenarios),
        typeof(FaultScenarios),
        typeof(Kubectl30Tests),
        typeof(Kubectl35Tests),
        typeof(SimulatedNetworkProtectionScenarios),
        typeof(SimulatedNodeScenarios),
        typeof(SimulatedStorageProtectionScenarios),
        typeof(ChartAccessTests),
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(Place).ThenBy(c => c.TestCollectionDisplayName, StringComparer.Ordinal)];

    /// <summary>xunit names the collection of a class "Test collection for" it.</summary>
    private static int Place<TTestCollection>(TTestCollection collection)
        where TTestCollection : ITestCollection =>
        Array.FindIndex(s_first, type => collection.TestCollectionDisplayName.Contains($" {type.FullName} ", StringComparison.Ordinal))
            is var place
                and >= 0
            ? place
            : s_first.Length;
}
