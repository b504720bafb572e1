using System.Globalization;
using Spectre.Console;

namespace Hostdev.Sandbox.Demo;

internal static class PictureText
{
    /// <summary>The tables without colours.</summary>
    public static string Of(IPicture picture, int width)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        var console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Ansi = AnsiSupport.No,
                ColorSystem = ColorSystemSupport.NoColors,
                Interactive = InteractionSupport.No,
                Out = new AnsiConsoleOutput(text),
            }
        );
        console.Profile.Width = width;
        console.Profile.Capabilities.Unicode = true;
        console.Write(picture.Render(width, together: false));
        return string.Concat(text.ToString().Split('\n').SkipLast(1).Select(line => line.TrimEnd() + "\n"));
    }
}
