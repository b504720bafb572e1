namespace Hostdev.Tests;

/// <summary>Where the sources lie that the running tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string Path(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([Root, .. parts]);

    private static string FindRoot()
    {
        for (var directory = AppContext.BaseDirectory; directory is not null; directory = System.IO.Path.GetDirectoryName(directory))
            if (File.Exists(System.IO.Path.Combine(directory, "Operator.sln")))
                return directory;
        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not inside the repository: no Operator.sln above it");
    }
}
