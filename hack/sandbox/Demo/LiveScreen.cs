using Spectre.Console;
using Spectre.Console.Rendering;

namespace Hostdev.Sandbox.Demo;

/// <summary>A terminal: what is done stands above, the running step and the node move below.</summary>
internal sealed class LiveScreen(IAnsiConsole console, TimeProvider time) : IStoryScreen
{
    private static readonly TimeSpan s_frame = TimeSpan.FromMilliseconds(120);
    private const string Spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

    private LiveDisplayContext? _live;
    private (int Number, int Of, string Title, long Since)? _running;
    private long _drawn;
    private int _frame;

    /// <summary>
    /// Room is left for the "^C" that a terminal echoes behind the last line, which would move everything up by one if it wrapped.
    /// </summary>
    private int Width => Math.Clamp(console.Profile.Width - 3, 60, PlainScreen.Width);

    /// <summary>Runs the story with the terminal's lower part in hand.</summary>
    public Task<int> RunAsync(Func<Task<int>> story) =>
        console
            .Live(new Text(""))
            .Overflow(VerticalOverflow.Crop)
            .Cropping(VerticalOverflowCropping.Bottom)
            .AutoClear(enabled: false)
            .StartAsync(async live =>
            {
                _live = live;
                return await story();
            });

    public void Say(string text)
    {
        foreach (var line in StoryText.Wrap(text, Width, ""))
            Write(line, "bold");
    }

    public void Begin(int number, int of, string title) => _running = (number, of, title, time.GetTimestamp());

    public void Finish(StepResult result)
    {
        _running = null;
        var style = result.Problem is null ? "bold green" : "bold red";
        foreach (var (text, kind) in StoryText.Lines(result, Width))
            Write(
                text,
                kind switch
                {
                    null => style,
                    LineKind.Quote => "yellow",
                    LineKind.Act => "bold",
                    LineKind.Change => "aqua",
                    _ => "grey",
                }
            );
    }

    public void Show(Func<IPicture> picture)
    {
        if (time.GetElapsedTime(_drawn) >= s_frame)
            Draw(picture());
    }

    /// <summary>At once: nothing may come after it.</summary>
    public void Print(IPicture picture) => Draw(picture);

    private void Draw(IPicture picture)
    {
        if (_live is null)
            return;
        _drawn = time.GetTimestamp();
        List<IRenderable> parts = [];
        if (_running is { } r)
        {
            var spin = Spinner[_frame++ % Spinner.Length];
            parts.Add(
                new Markup(
                    $" [bold aqua]{spin}[/] [bold]{r.Number, 2}  {Markup.Escape(r.Title)}[/] [grey]({r.Number} of "
                        + $"{r.Of}, {StoryText.Duration(time.GetElapsedTime(r.Since))})[/]"
                )
            );
        }

        parts.Add(picture.Render(Width, together: console.Profile.Height < 44));
        _live.UpdateTarget(new Rows(parts));
    }

    /// <summary>Lines go above the live part and over what it had there, so they are as wide as it is.</summary>
    private void Write(string text, string style) => console.MarkupLine($"[{style}]{Markup.Escape(text.PadRight(Width))}[/]");
}
