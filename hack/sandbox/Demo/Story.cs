using System.Collections.Immutable;

namespace Hostdev.Sandbox.Demo;

internal sealed record StoryStep<TChapter>(string Title, Func<TChapter, Task> Play, bool Print = false)
    where TChapter : Chapter;

/// <summary>Plays the steps one after the other. Stops at the first that does not come true.</summary>
internal sealed class Story<TChapter>(TChapter chapter, IStoryScreen screen, TimeProvider time)
    where TChapter : Chapter
{
    /// <returns>What did not come true, with the step's number; null when everything did.</returns>
    public async Task<string?> TellAsync(ImmutableArray<StoryStep<TChapter>> steps)
    {
        for (var i = 0; i < steps.Length; i++)
        {
            screen.Begin(i + 1, steps.Length, steps[i].Title);
            var result = await PlayAsync(i + 1, steps[i]);
            screen.Finish(result);
            if (result.Problem is not null)
                return $"step {result.Number} ({result.Title}) did not come true: {result.Problem}";
            if (steps[i].Print)
                screen.Print(chapter.Picture);
        }

        return null;
    }

    private async Task<StepResult> PlayAsync(int number, StoryStep<TChapter> step)
    {
        chapter.Forget();
        var before = chapter.Picture;
        var began = time.GetTimestamp();
        string? problem = null;
        try
        {
            await step.Play(chapter);
        }
        catch (BrokenPromiseException e)
        {
            problem = e.Message;
            foreach (var said in chapter.Said)
                chapter.Quote(said);
        }

        var took = time.GetElapsedTime(began);
        foreach (var line in before.ChangesTo(chapter.Picture))
            chapter.Change(line);
        return new StepResult(number, step.Title, took, problem, chapter.Lines);
    }
}
