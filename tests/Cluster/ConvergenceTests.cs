using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Hostdev.Tests.Cluster.Faults;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>
/// Whatever the API server does to an operator and to agents while admins change their minds: once it is well again everything comes to the
/// state that it comes to without faults. <c>hack/test --seeds 1000 Convergence</c> runs that many stories; <c>--seed N</c> runs one again.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class ConvergenceTests
{
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(0.12); // of a clock that is 50 times as fast
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private static int Chunk => Math.Clamp(Count / 2, 1, 25);

    private static int First => Number("HOSTDEV_SEED", 1);

    private static int Count =>
        Number("HOSTDEV_SEEDS", Environment.GetEnvironmentVariable("HOSTDEV_SEED") is not null ? 1 : Amount.Of(50, fast: 10));

    public static TheoryData<int, int> Chunks
    {
        get
        {
            var data = new TheoryData<int, int>();
            for (var first = First; first < First + Count; first += Chunk)
                data.Add(first, Math.Min(first + Chunk, First + Count) - 1);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Chunks))]
    public async Task After_faults_everything_is_as_without_them(int first, int last)
    {
        var began = Stopwatch.GetTimestamp();
        var failures = new ConcurrentDictionary<int, string>();
        await Parallel.ForAsync(
            first,
            last + 1,
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            async (seed, _) =>
            {
                if (await FailureAsync(seed) is { } failure)
                    failures[seed] = failure;
            }
        );
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        TestContext.Current.TestOutputHelper?.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"seeds {first} to {last}: {seconds:F1} s, {(last - first + 1) / seconds:F1} stories/s"
            )
        );
        Assert.True(
            failures.IsEmpty,
            $"{failures.Count} of {last - first + 1} seeds failed: "
                + $"{string.Join(", ", failures.Keys.Order())}\n\n"
                + string.Join("\n\n", failures.OrderBy(f => f.Key).Select(f => f.Value).Take(3))
        );
    }

    /// <summary>What went wrong with all that led to it; null when nothing did.</summary>
    private static async Task<string?> FailureAsync(int seed)
    {
        var told = new List<string>();
        try
        {
            var story = FleetAct.Story(new Random(seed));
            var wanted = await PlainAsync(story, seed);
            await using var run = await FleetRun.StartAsync(seed);
            run.Server.Faults.Seed(seed);
            await run.PlayAsync(story, new Random(seed), told);
            await ComesToAsync(run, wanted);
            return null;
        }
#pragma warning disable CA1031 // Whatever it was, the seed must be told.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return $"seed {seed} (again with: hack/test --fast --seed {seed} Convergence): "
                + $"{(e is DivergedException ? e.Message : e.ToString())}\n  {string.Join("\n  ", told)}";
        }
    }

    private static async Task<string> PlainAsync(IReadOnlyList<FleetAct> story, int seed)
    {
        await using var run = await FleetRun.StartAsync(seed);
        await run.PlayAsync(story, null, []);
        var began = Stopwatch.GetTimestamp();
        do
        {
            await run.RestAsync(s_quiet);
            if (Stopwatch.GetElapsedTime(began) > s_patience)
                throw new DivergedException($"without faults it does not come to rest:\n{run.FinalState()}");
        } while (!run.IsSettled());
        return run.FinalState();
    }

    /// <summary>Comes to it, and stays there.</summary>
    private static async Task ComesToAsync(FleetRun run, string wanted)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            await run.RestAsync(s_quiet);
            var state = run.FinalState();
            if (state == wanted)
                return;
            if (Stopwatch.GetElapsedTime(began) > s_patience)
                throw new DivergedException(
                    $"{s_patience.TotalSeconds} s after the last fault these differ:\n{Lines(state, wanted)}\nand "
                        + $"without faults they are:\n{Lines(wanted, state)}\n{run.Knowledge()}"
                );
        }
    }

    private static string Lines(string of, string without) => string.Join('\n', of.Split('\n').Except(without.Split('\n')));

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    private sealed class DivergedException(string message) : Exception(message);
}
