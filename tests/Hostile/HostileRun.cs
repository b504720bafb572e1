using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Hostdev.Tests.Hostile;

/// <summary>
/// Runs a reader over many hostile inputs, each made from a number, so that a failure names what makes it again. 100,000 of each kind, and
/// 200 with <c>--fast</c>; HOSTDEV_HOSTILE says another count.
/// </summary>
internal static class HostileRun
{
    /// <summary>What one input may allocate, on average, in bytes: an input is a few kilobytes.</summary>
    private const long MostBytesEach = 1 << 20;

    private static int Count =>
        int.TryParse(Environment.GetEnvironmentVariable("HOSTDEV_HOSTILE"), CultureInfo.InvariantCulture, out var count)
            ? count
            : Amount.Of(100_000, fast: 200);

    /// <param name="read">Makes the input of that number and reads it; true when it was refused. What it throws fails the run.</param>
    public static void Over(string kind, Func<int, bool> read)
    {
        var (refused, began, before) = (0, Stopwatch.GetTimestamp(), GC.GetAllocatedBytesForCurrentThread());
        for (var seed = 0; seed < Count; seed++)
        {
            try
            {
                refused += read(seed) ? 1 : 0;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"hostile {kind}, input {seed}: {e.Message}", e);
            }
        }

        var bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / Count;
        TestContext.Current.TestOutputHelper?.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{kind}: {Count} inputs, {refused} refused, {Count - refused} taken, {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s"
            )
        );
        Assert.InRange(refused, 1, Count - 1); // else the inputs are not near what is well-formed, and prove nothing
        Assert.InRange(bytes, 0, MostBytesEach);
    }
}
