using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// What is there only for pods is brought about, given, and goes back; at every moment of it, before and after each record of the journal
/// and after each write, the agent is killed once and started again. With HOSTDEV_FAST=1 every <see cref="Stride"/>th is tried.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class LateCrashTests
{
    private const int Parts = 4;

    private static int Stride => Amount.Of(1, fast: 17);

    public static TheoryData<int> AllParts => [.. Enumerable.Range(1, Parts)];

    /// <param name="part">The moments are dealt out to so many cases, so that they run side by side.</param>
    [Theory]
    [MemberData(nameof(AllParts))]
    public void Killed_at_any_moment_of_an_answer_or_a_return_it_goes_on_and_nothing_is_left(int part)
    {
        using var run = new LateCrashRun(new SimulatedNode());
        var moments = run.Go(killAt: null);
        Assert.True(moments >= 180, $"there are {moments} moments: it is not the big scenario any more");
        var tried = 0;
        for (long moment = part; moment <= moments; moment += Parts * Stride)
        {
            run.Go(moment);
            tried++;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{tried} of {moments} moments");
    }
}

/// <summary>The same on the real kernel, at moments that are spread evenly over all that there are.</summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference to a crash: one flavour is enough
public sealed class RealLateCrashTests
{
    private const int Points = 12;

    [LabFact]
    public void Killed_at_twelve_moments_of_answers_and_returns_it_goes_on_and_nothing_is_left()
    {
        using var run = new LateCrashRun(new RealNode());
        var moments = run.Go(killAt: null);
        foreach (var point in Enumerable.Range(0, Points))
        {
            var moment = (((2 * point) + 1) * moments / (2 * Points)) + 1;
            run.Go(moment);
            TestContext.Current.TestOutputHelper?.WriteLine($"{moment} of {moments}: {run.KilledAt}");
        }
    }
}
