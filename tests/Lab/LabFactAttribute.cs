using System.Runtime.CompilerServices;
using Xunit;

namespace Hostdev.Tests.Lab;

/// <summary>
/// A fact that touches the host. Outside the node it never runs, however the tests are started: a developer's machine is not to be unbound.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LabFactAttribute : FactAttribute
{
    public LabFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber)
    {
        Skip = "runs only in the lab's node: hack/lab test";
        SkipType = typeof(LabFacts);
        SkipUnless = nameof(LabFacts.InNode);
    }
}

/// <summary>The same for a theory.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LabTheoryAttribute : TheoryAttribute
{
    public LabTheoryAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber)
    {
        Skip = "runs only in the lab's node: hack/lab test";
        SkipType = typeof(LabFacts);
        SkipUnless = nameof(LabFacts.InNode);
    }
}
