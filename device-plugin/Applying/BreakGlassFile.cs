namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// The file by which an admin stops all writes to the host at once, whatever is desired: <c>disabled</c> in the state directory. It is
/// looked at before every step, so that it also stops what is under way; making and removing it needs no agent.
/// </summary>
public sealed class BreakGlassFile(string directory)
{
    public const string FileName = "disabled";

    private const int MostWords = 200;

    public string Path { get; } = System.IO.Path.Combine(directory, FileName);

    public bool IsThere => System.IO.Path.Exists(Path);

    /// <summary>
    /// The file's first line, without control characters and cut to a sentence's length; empty when it has none or cannot be read. Null
    /// when there is no file.
    /// </summary>
    public string? ReadWords()
    {
        if (!IsThere)
            return null;
        try
        {
            using var reader = new StreamReader(Path);
            var buffer = new char[MostWords];
            var line = new string(buffer, 0, reader.ReadBlock(buffer)).Split('\n')[0];
            return string.Concat(line.Where(c => !char.IsControl(c))).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
