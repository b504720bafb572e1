using System.Collections.Immutable;

namespace Hostdev.Sandbox.Demo;

internal sealed record StoryStep(string Title, Func<Chapter, Task> Play, bool Print = false);

/// <summary>Plays the steps one after the other. Stops at the first that does not come true.</summary>
internal sealed class Story(DemoNode node, IStoryScreen screen, TimeSpan patience, TimeProvider time)
{
    /// <returns>What did not come true, with the step's number; null when everything did.</returns>
    public async Task<string?> TellAsync(ImmutableArray<StoryStep> steps, CancellationToken cancellationToken)
    {
        var chapter = new Chapter(node, screen, patience, time, cancellationToken);
        for (var i = 0; i < steps.Length; i++)
        {
            screen.Begin(i + 1, steps.Length, steps[i].Title);
            var result = await PlayAsync(chapter, i + 1, steps[i]);
            screen.Finish(result);
            if (result.Problem is not null) return $"step {result.Number} ({result.Title}) did not come true: {result.Problem}";
            if (steps[i].Print) screen.Print(chapter.Reading);
        }

        return null;
    }

    private async Task<StepResult> PlayAsync(Chapter chapter, int number, StoryStep step)
    {
        chapter.Forget();
        var before = chapter.Reading;
        var began = time.GetTimestamp();
        string? problem = null;
        try
        {
            await step.Play(chapter);
        }
        catch (BrokenPromiseException e)
        {
            problem = e.Message;
            foreach (var said in chapter.Status.Problems.Where(p => p.State is not "Held")) chapter.Quote(said.Message);
        }

        var took = time.GetElapsedTime(began);
        foreach (var line in Changes(before, chapter.Reading)) chapter.Change(line);
        return new StepResult(number, step.Title, took, problem, chapter.Lines);
    }

    /// <summary>What is otherwise now, like changes together.</summary>
    private static IEnumerable<string> Changes(NodeReading before, NodeReading after)
    {
        var old = before.Devices.ToDictionary(d => d.Address, d => d.Driver ?? "no driver");
        var now = after.Devices.ToDictionary(d => d.Address, d => d.Driver ?? "no driver");
        var drivers =
            from address in old.Keys.Union(now.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
            let change = $"{old.GetValueOrDefault(address, "new")} -> {now.GetValueOrDefault(address, "gone")}"
            where old.GetValueOrDefault(address) != now.GetValueOrDefault(address)
            group address by change;
        foreach (var change in drivers) yield return $"{change.Key}: {string.Join(", ", change)}";
        foreach (var name in NodeReading.ResourceNames)
        {
            var (was, has) = (Amount(before, name), Amount(after, name));
            if (was != has) yield return $"{name}: {was} -> {has} allocatable";
        }
    }

    private static string Amount(NodeReading reading, string resource) => reading.Resources.FirstOrDefault(r => r.Name == resource) is { } row ? $"{row.Allocatable} of {row.Capacity}" : "none";
}
