using System.Reflection;
using Hostdev.Tests;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestFramework(typeof(InOrderFramework))]

namespace Hostdev.Tests;

/// <summary>
/// Classes begin in the order of <see cref="LongestFirst"/>. xunit queues them from a thread of the pool, whose own queue is last in,
/// first out: those that should begin first would be last.
/// </summary>
public sealed class InOrderFramework : XunitTestFramework
{
    private readonly string? _configFile;

    public InOrderFramework() { }

    public InOrderFramework(string? configFileName)
        : base(configFileName) => _configFile = configFileName;

    protected override ITestFrameworkExecutor CreateExecutor(Assembly assembly) =>
        new Executor(new XunitTestAssembly(assembly, _configFile, assembly.GetName().Version));

    private sealed class Executor(IXunitTestAssembly assembly) : XunitTestFrameworkExecutor(assembly)
    {
        public override async ValueTask RunTestCases(
            IReadOnlyCollection<IXunitTestCase> testCases,
            IMessageSink executionMessageSink,
            ITestFrameworkExecutionOptions executionOptions,
            CancellationToken cancellationToken
        ) => await new Runner().Run(TestAssembly, testCases, executionMessageSink, executionOptions, cancellationToken);
    }

    private sealed class Runner : XunitTestAssemblyRunner
    {
        /// <summary>On a thread of its own, which queues for all of the pool: first in, first out.</summary>
        protected override ValueTask<RunSummary> RunTestCollections(XunitTestAssemblyRunnerContext ctxt, Exception? exception) =>
            new(
                Task.Factory.StartNew(
                        () => base.RunTestCollections(ctxt, exception).AsTask(),
                        CancellationToken.None,
                        TaskCreationOptions.LongRunning,
                        TaskScheduler.Default
                    )
                    .Unwrap()
            );
    }
}
