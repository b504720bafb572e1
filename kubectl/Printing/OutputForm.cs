namespace Hostdev.Kubectl.Printing;

/// <summary>How an answer is printed.</summary>
public enum OutputForm
{
    Table,
    Wide,
    Json,
    Yaml,
}

/// <summary>The words for <see cref="OutputForm"/> on the command line.</summary>
public static class OutputForms
{
    public const string Words = "table, wide, json or yaml";

    /// <summary>Upper and lower case are alike; null for no such word.</summary>
    public static OutputForm? Parse(string? word) =>
        Enum.TryParse<OutputForm>(word, ignoreCase: true, out var form) && IsName(word) ? form : null;

    /// <summary>A number is parsed too, and is none of the words.</summary>
    private static bool IsName(string? word) => word is { Length: > 0 } && char.IsAsciiLetter(word[0]);
}
