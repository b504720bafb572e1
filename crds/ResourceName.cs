using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Hostdev.Crds;

/// <summary>
/// The name of an extended resource: <c>domain/name</c>, not under <c>kubernetes.io</c>, without the prefix <c>requests.</c>, and still a
/// qualified name once <c>requests.</c> is put in front (Kubernetes <c>pkg/apis/core/v1/helper: IsExtendedResourceName</c>).
/// </summary>
public readonly partial record struct ResourceName : IComparable<ResourceName>
{
    private const int MaxDomain = 253 - 9; // "requests." is put in front by quota

    internal const string Form =
        "write domain/name, for example example.com/nic-vf: the domain as DNS has it, in lower case, at most 244 "
        + "characters; the name of letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, "
        + "at most 63";

    internal const string OfKubernetes = "kubernetes.io belongs to Kubernetes: use a domain of your own";

    /// <summary>The domain of what KubeVirt's own virt-handler offers on every node: kvm, tun, vhost-net and others.</summary>
    public const string KubeVirtDomain = "devices.kubevirt.io";

    /// <summary>No name of ours, and a name all the same: what a version before has in force under it is still read.</summary>
    internal const string OfKubeVirt =
        "devices.kubevirt.io belongs to KubeVirt, whose pods ask for kvm and others by it: use a domain of your own";

    internal const string OfQuota = "a domain that begins with requests. is what quota uses: use another domain";

    private ResourceName(string value) => Value = value;

    public string Value { get; }

    /// <summary>
    /// The part of a KubeVirt env name that stands for this resource: upper case, <c>/</c> and <c>.</c> as <c>_</c>, nothing else changed
    /// (contracts/kubevirt.md, 3).
    /// </summary>
    public string EnvSuffix => Value.ToUpperInvariant().Replace('/', '_').Replace('.', '_');

    /// <summary>Parses a name; <paramref name="error"/> says what is wrong and what to write instead.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out ResourceName name, [NotNullWhen(false)] out string? error)
    {
        name = default;
        error = Problem(text);
        if (error is not null)
            return false;
        name = new ResourceName(text!);
        return true;
    }

    public static ResourceName Parse(string text) => TryParse(text, out var name, out var error) ? name : throw new FormatException(error);

    public int CompareTo(ResourceName other) => string.CompareOrdinal(Value, other.Value);

    public static bool operator <(ResourceName left, ResourceName right) => left.CompareTo(right) < 0;

    public static bool operator >(ResourceName left, ResourceName right) => left.CompareTo(right) > 0;

    public static bool operator <=(ResourceName left, ResourceName right) => left.CompareTo(right) <= 0;

    public static bool operator >=(ResourceName left, ResourceName right) => left.CompareTo(right) >= 0;

    public override string ToString() => Value;

    internal static bool HasForm(string text) => Shape().IsMatch(text) && text.IndexOf('/', StringComparison.Ordinal) <= MaxDomain;

    internal static bool IsOfKubernetes(string text) =>
        text.StartsWith("kubernetes.io/", StringComparison.Ordinal) || text.Contains(".kubernetes.io/", StringComparison.Ordinal);

    internal static bool IsOfKubeVirt(string text) => text.StartsWith(KubeVirtDomain + "/", StringComparison.Ordinal);

    internal static bool IsOfQuota(string text) => text.StartsWith("requests.", StringComparison.Ordinal);

    private static string? Problem(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return $"a resource name is required: {Form}";
        return !HasForm(text) ? $"\"{text}\" is no resource name: {Form}"
            : IsOfKubernetes(text) ? $"\"{text}\" is no resource name: {OfKubernetes}"
            : IsOfQuota(text) ? $"\"{text}\" is no resource name: {OfQuota}"
            : null;
    }

    [GeneratedRegex(
        @"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\z"
    )]
    private static partial Regex Shape();
}
