namespace Hostdev.DevicePlugin.Host;

/// <summary>What is wrong with a text of JSON, in an admin's words.</summary>
public static class JsonWords
{
    private static readonly string[] s_positions = [" Path: ", " LineNumber: "];

    /// <summary>The message without the position that the reader appends, and without the full stop at its end: it goes on in a sentence.</summary>
    public static string Of(Exception error) => s_positions.Aggregate(error.Message, (text, at) => text.Split(at)[0]).TrimEnd('.');
}
