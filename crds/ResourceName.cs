using System.Diagnostics.CodeAnalysis;

namespace Hostdev.Crds;

/// <summary>
/// The name of an extended resource: <c>domain/name</c>, not under <c>kubernetes.io</c>, without the prefix <c>requests.</c>, and still a qualified name once
/// <c>requests.</c> is put in front (Kubernetes <c>pkg/apis/core/v1/helper: IsExtendedResourceName</c>).
/// </summary>
public readonly record struct ResourceName : IComparable<ResourceName>
{
    private const int MaxDomain = 253 - 9; // "requests." is put in front by quota
    private const int MaxName = 63;

    private ResourceName(string value) => Value = value;

    public string Value { get; }

    /// <summary>The part of a KubeVirt env name that stands for this resource: upper case, <c>/</c> and <c>.</c> as <c>_</c>, nothing else changed (contracts/kubevirt.md, 3).</summary>
    public string EnvSuffix => Value.ToUpperInvariant().Replace('/', '_').Replace('.', '_');

    /// <summary>Parses a name; <paramref name="error"/> says what is wrong and what to write instead.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out ResourceName name, [NotNullWhen(false)] out string? error)
    {
        name = default;
        error = Problem(text);
        if (error is not null) return false;
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

    private static string? Problem(string? text)
    {
        if (string.IsNullOrEmpty(text)) return "a resource name is required: write domain/name, for example example.com/nic-vf";
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0 || slash == text.Length - 1 || text.IndexOf('/', slash + 1) >= 0) return $"\"{text}\" is no resource name: write domain/name, for example example.com/nic-vf";
        var (domain, local) = (text[..slash], text[(slash + 1)..]);
        if (domain == "kubernetes.io" || domain.EndsWith(".kubernetes.io", StringComparison.Ordinal)) return $"\"{text}\" is under kubernetes.io, which belongs to Kubernetes: use a domain of your own";
        if (domain.StartsWith("requests.", StringComparison.Ordinal)) return $"\"{text}\" begins with requests., which quota uses: use another domain";
        if (domain.Length > MaxDomain) return $"the domain of \"{text}\" is longer than {MaxDomain} characters: use a shorter one";
        if (!domain.Split('.').All(IsLabel)) return $"the domain of \"{text}\" is not a DNS name in lower case: use for example example.com";
        if (local.Length > MaxName) return $"the name after the slash of \"{text}\" is longer than {MaxName} characters: use a shorter one";
        return char.IsAsciiLetterOrDigit(local[0]) && char.IsAsciiLetterOrDigit(local[^1]) && local.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? null
            : $"the name after the slash of \"{text}\" may hold letters, digits, '-', '_' and '.', and begins and ends with a letter or digit";
    }

    private static bool IsLabel(string label) =>
        label.Length is > 0 and <= 63 && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
