using System.Globalization;

namespace Hostdev.Planning.Inventory;

/// <summary>
/// The upstream version that a kernel is made from: <c>6.12.9</c> of <c>6.12.9-amd64</c>, <c>5.14.0</c> of <c>5.14.0-503.el9.x86_64</c>.
/// What a distribution brought into an older version is not in it: of such a kernel less is known than is true.
/// </summary>
public readonly record struct KernelVersion(int Major, int Minor, int Patch = 0) : IComparable<KernelVersion>
{
    /// <param name="release">As <c>/proc/sys/kernel/osrelease</c> has it.</param>
    /// <returns>
    /// Null where it does not begin with two or three numbers, and of a release candidate, which may lack what its version has.
    /// </returns>
    public static KernelVersion? OfRelease(string release)
    {
        var numbers = string.Concat(release.TakeWhile(c => char.IsAsciiDigit(c) || c == '.'));
        var isCandidate = release.AsSpan(numbers.Length).StartsWith("-rc");
        // A fourth number is the vendor's.
        var parts = numbers.TrimEnd('.').Split('.');
        if (isCandidate || parts.Length < 2 || !Number(parts[0], out var major) || !Number(parts[1], out var minor))
            return null;
        var patch = 0;
        return parts.Length > 2 && !Number(parts[2], out patch) ? null : new KernelVersion(major, minor, patch);
    }

    public int CompareTo(KernelVersion other) => (Major, Minor, Patch).CompareTo((other.Major, other.Minor, other.Patch));

    public static bool operator <(KernelVersion left, KernelVersion right) => left.CompareTo(right) < 0;

    public static bool operator >(KernelVersion left, KernelVersion right) => left.CompareTo(right) > 0;

    public static bool operator <=(KernelVersion left, KernelVersion right) => left.CompareTo(right) <= 0;

    public static bool operator >=(KernelVersion left, KernelVersion right) => left.CompareTo(right) >= 0;

    public override string ToString() => Patch == 0 ? $"{Major}.{Minor}" : $"{Major}.{Minor}.{Patch}";

    private static bool Number(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
