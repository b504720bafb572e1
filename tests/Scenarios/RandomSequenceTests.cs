using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Hostdev.Tests.Scenarios.Sequences;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// An admin, pods, hands and accidents in random order on the simulation. Whatever comes: nothing that is held or protected is disturbed,
/// no group has two holders, no ID is offered twice, no kubelet dies, and when everything stops the node comes to rest and is given back as
/// it was. <c>hack/test --seeds 10000 RandomSequence</c> runs that many; <c>--seed N</c> runs one again.
/// </summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class RandomSequenceTests
{
    /// <summary>So many seeds are one test case: few enough that progress shows, many enough that the report stays short.</summary>
    private static int Chunk => Math.Clamp(Count / 10, 1, Math.Max(50, Count / 40));

    private static int First => Number("HOSTDEV_SEED", 1);

    private static int Count =>
        Number("HOSTDEV_SEEDS", Environment.GetEnvironmentVariable("HOSTDEV_SEED") is null ? Amount.Of(500, fast: 30) : 1);

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
    public void Whatever_happens_nothing_held_is_disturbed_and_the_node_comes_back(int first, int last)
    {
        var began = Stopwatch.GetTimestamp();
        var failures = new ConcurrentDictionary<int, string>();
        Parallel.For(
            first,
            last + 1,
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            seed =>
            {
                if (Failure(seed) is { } failure)
                    failures[seed] = failure;
            }
        );
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var throughput = string.Create(
            CultureInfo.InvariantCulture,
            $"seeds {first} to {last}: {seconds:F1} s, {(last - first + 1) / seconds:F1} sequences/s"
        );
        TestContext.Current.TestOutputHelper?.WriteLine(throughput);
        var stories = failures.OrderBy(f => f.Key).Select(f => f.Value).ToList();
        Assert.True(
            failures.IsEmpty,
            $"{failures.Count} of {last - first + 1} seeds "
                + $"failed\n{string.Join('\n', stories.Select(s => s.Split('\n')[0]))}\n\n{string.Join("\n\n", stories.Take(3))}"
        );
    }

    /// <summary>What went wrong with all that led to it; null when nothing did.</summary>
    private static string? Failure(int seed)
    {
        using var sequence = new Sequence(seed);
        try
        {
            sequence.Run();
            return null;
        }
#pragma warning disable CA1031 // Whatever it was, the seed must be told.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return $"seed {seed} (again with: hack/test --fast --seed {seed} RandomSequence): "
                + $"{(e is BrokenPromiseException ? e.Message : e.ToString())}\n  {string.Join("\n  ", sequence.Story)}";
        }
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
