using Spectre.Console.Rendering;

namespace Hostdev.Sandbox.Demo;

/// <summary>How things are at one moment, as tables.</summary>
internal interface IPicture
{
    /// <param name="together">Rows that stand alike share one: for terminals without much room.</param>
    IRenderable Render(int width, bool together);

    /// <summary>What is otherwise in a later picture of the same kind, like changes together.</summary>
    IEnumerable<string> ChangesTo(IPicture after);
}
