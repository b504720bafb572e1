using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>What came of one step.</summary>
public abstract record StepOutcome
{
    private StepOutcome() { }

    /// <summary>Done, and read back.</summary>
    public sealed record Done : StepOutcome
    {
        public static Done Instance { get; } = new();

        /// <summary>What came of it where the step alone does not tell: the kernel, or a driver, decided; null when it tells.</summary>
        public string? What { get; init; }
    }

    /// <summary>Somebody uses what the step would disturb: nothing was written.</summary>
    public sealed record InUse(ImmutableArray<string> Users) : StepOutcome;

    /// <summary>Refused by the kernel, without effect, or not on time. The message has the file and the errno.</summary>
    public sealed record Failed(Reason Reason, string Message) : StepOutcome
    {
        /// <summary>The kernel took the write, and something else had changed its effect again before it was read back.</summary>
        public bool Undone { get; init; }
    }
}

/// <summary>One step that was tried.</summary>
public sealed record StepResult(LaneStep Step, StepOutcome Outcome);

/// <summary>
/// What was tried of one lane, in order. Steps that were passed over because an earlier one of their purpose did not get through are left
/// out.
/// </summary>
public sealed record LaneOutcome(Lane Lane, ImmutableArray<StepResult> Results)
{
    public IEnumerable<StepResult> Unfinished => Results.Where(r => r.Outcome is not StepOutcome.Done);
}
