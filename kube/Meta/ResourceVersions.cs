using System.Globalization;

namespace Hostdev.Kube.Meta;

/// <summary>
/// Which of two states of one object is the older. Versions of one object grow: KEP-5504 says of all API servers what those with etcd
/// always did. Where they are no numbers, nobody knows.
/// </summary>
public static class ResourceVersions
{
    /// <summary>
    /// Whether both are states of one object, with one uid, and the first is the older one. False where that is not known.
    /// </summary>
    public static bool IsOlder(ObjectMeta first, ObjectMeta second) =>
        first.Uid == second.Uid && Number(first.ResourceVersion) is { } one && Number(second.ResourceVersion) is { } other && one < other;

    private static ulong? Number(string? version) =>
        ulong.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
