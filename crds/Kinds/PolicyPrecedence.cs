namespace Hostdev.Crds.Kinds;

/// <summary>Which of two policies has a device that both claim: higher priority, then older, then kind, then name.</summary>
public static class PolicyPrecedence
{
    /// <summary>The one that wins comes first.</summary>
    public static IComparer<DesiredPolicy> Comparer { get; } = Comparer<DesiredPolicy>.Create(Compare);

    private static int Compare(DesiredPolicy a, DesiredPolicy b)
    {
        var byPriority = (b.Common?.Priority ?? 0).CompareTo(a.Common?.Priority ?? 0);
        if (byPriority != 0)
            return byPriority;
        var byAge = (a.Identity.CreationTimestamp ?? DateTimeOffset.MaxValue).CompareTo(
            b.Identity.CreationTimestamp ?? DateTimeOffset.MaxValue
        );
        if (byAge != 0)
            return byAge;
        var byKind = string.CompareOrdinal(a.Identity.Kind, b.Identity.Kind);
        return byKind != 0 ? byKind : string.CompareOrdinal(a.Identity.Name, b.Identity.Name);
    }
}
