namespace Hostdev.Benchmarks;

/// <summary>A program under a name that a table can have.</summary>
internal sealed record NamedProgram(string Name, string File)
{
    /// <exception cref="FormatException">It is not NAME=FILE, or there is no such file.</exception>
    public static NamedProgram Parse(string text)
    {
        if (text.Split('=', 2) is not [{ Length: > 0 } name, { Length: > 0 } file])
            throw new FormatException($"\"{text}\" is not NAME=FILE");
        return System.IO.File.Exists(file)
            ? new NamedProgram(name, file)
            : throw new FormatException($"{file} does not exist: hack/publish makes it");
    }
}
