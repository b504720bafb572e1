namespace Hostdev.Tests.Shipped;

/// <summary>
/// The programs as they are shipped: what <c>hack/publish</c> made where <c>hack/test</c> says so, else what <c>dotnet build</c> made
/// beside the tests.
/// </summary>
internal static class ShippedPrograms
{
    /// <summary>Marks tests of what only <c>hack/publish</c> makes; <c>hack/test --fast</c> leaves them out.</summary>
    public const string Needs = "Needs";

    public const string Published = "Published";

    public static string Agent => Find("hostdev-device-plugin");

    public static string Operator => Find("hostdev-operator");

    public static string Kubectl => Find("kubectl-hostdev");

    /// <summary>The directory that <c>hack/publish</c> filled.</summary>
    /// <exception cref="InvalidOperationException">Nothing says where it is.</exception>
    public static string PublishedDirectory =>
        Environment.GetEnvironmentVariable("HOSTDEV_PUBLISHED") is { Length: > 0 } directory
            ? directory
            : throw new InvalidOperationException(
                "HOSTDEV_PUBLISHED names no directory: run hack/test without --fast, or hack/publish and export "
                    + "HOSTDEV_PUBLISHED=artifacts/publish"
            );

    private static string Find(string program)
    {
        var directory = Environment.GetEnvironmentVariable("HOSTDEV_PROGRAMS") is { Length: > 0 } named ? named : AppContext.BaseDirectory;
        return Path.Combine(directory, program);
    }
}
