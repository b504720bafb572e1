using System.Collections.Immutable;

namespace Hostdev.Sandbox.Demo;

internal enum LineKind
{
    /// <summary>What was seen to be so.</summary>
    Fact,

    /// <summary>What changed on the machine or in the kubelet.</summary>
    Change,

    /// <summary>The agent's own words.</summary>
    Quote,

    /// <summary>What somebody does from outside: the admin, a VM, the kubelet.</summary>
    Act,
}

internal sealed record StoryLine(LineKind Kind, string Text);

/// <param name="Problem">What did not come true; null when all did.</param>
internal sealed record StepResult(int Number, string Title, TimeSpan Took, string? Problem, ImmutableArray<StoryLine> Lines);

/// <summary>Where the story is shown.</summary>
internal interface IStoryScreen
{
    void Say(string text);

    /// <summary>A step begins: it is shown as running until it is finished.</summary>
    void Begin(int number, int of, string title);

    void Finish(StepResult result);

    /// <summary>How things are now. Called often; a screen shows what it can.</summary>
    void Show(Func<IPicture> picture);

    /// <summary>The picture, once.</summary>
    void Print(IPicture picture);
}

/// <summary>Lines of 120 columns at most, for files and pipes.</summary>
internal sealed class PlainScreen(TextWriter output) : IStoryScreen
{
    public const int Width = 120;

    public void Say(string text)
    {
        foreach (var line in StoryText.Wrap(text, Width, ""))
            output.WriteLine(line);
        output.Flush();
    }

    public void Begin(int number, int of, string title)
    {
        // A pipe gets a step when it is done, with its time.
    }

    public void Finish(StepResult result)
    {
        foreach (var (text, _) in StoryText.Lines(result, Width))
            output.WriteLine(text);
        output.Flush();
    }

    public void Show(Func<IPicture> picture)
    {
        // Nothing moves in a pipe.
    }

    public void Print(IPicture picture)
    {
        output.WriteLine();
        output.Write(PictureText.Of(picture, Width));
        output.WriteLine();
        output.Flush();
    }
}
