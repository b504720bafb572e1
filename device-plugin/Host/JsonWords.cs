using System.Text.Json;

namespace Hostdev.DevicePlugin.Host;

/// <summary>What is wrong with a text of JSON, in an admin's words.</summary>
public static class JsonWords
{
    /// <summary>Goes on with the name of a type of ours, which says nothing to an admin.</summary>
    private const string WrongKind = "The JSON value could not be converted to ";

    private static readonly string[] s_positions = [" Path: ", " LineNumber: "];

    /// <summary>
    /// The field whose value cannot be one; else the message, without the position that the reader appends. It has no full stop at its end:
    /// it goes on in a sentence.
    /// </summary>
    public static string Of(Exception error) =>
        error is JsonException { Path: ['$', '.', .. var field] } && error.Message.StartsWith(WrongKind, StringComparison.Ordinal)
            ? $"{field} has a value of the wrong kind"
            : s_positions.Aggregate(error.Message, (text, at) => text.Split(at)[0]).TrimEnd('.');
}
