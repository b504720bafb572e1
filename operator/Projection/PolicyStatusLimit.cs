using Hostdev.Crds.Kinds;

namespace Hostdev.Operator.Projection;

/// <summary>
/// Keeps a policy's status within what its schema allows: what agents say of a node may be twice as long as what is told of it here, and one text that is too long makes the API server
/// refuse the whole status, each time anew. Counts are never cut.
/// </summary>
public static class PolicyStatusLimit
{
    /// <summary>Of <see cref="PolicyStatus.Kubevirt"/>, which is cut between its entries and not here.</summary>
    public const int LongestKubevirt = 16384;

    private const int LongestConditionMessage = 32768;
    private const int LongestConditionReason = 1024;
    private const int LongestMessage = 2048;
    private const int LongestReason = 64;
    private const int LongestDevice = 256;
    private const int LongestResources = 16384;

    public static PolicyStatus Cut(PolicyStatus status) => status with
    {
        Conditions = [.. status.Conditions.Select(c => c with { Reason = Short(c.Reason, LongestConditionReason), Message = Short(c.Message, LongestConditionMessage) })],
        Resources = status.Resources is { } resources ? Short(resources, LongestResources) : null,
        Problems = [.. status.Problems.Select(p => p with { Reason = Short(p.Reason, LongestReason), Message = Short(p.Message, LongestMessage), Device = p.Device is { } device ? Short(device, LongestDevice) : null })],
        Releasing = [.. status.Releasing.Select(r => r with { Message = Short(r.Message, LongestMessage) })],
    };

    /// <summary>The beginning of the text, and an ellipsis where it goes on.</summary>
    /// <param name="most">In code points, as the API server counts (OpenAPI's <c>maxLength</c>).</param>
    internal static string Short(string text, int most)
    {
        if (text.Length <= most) return text;
        var (count, at, end) = (0, 0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            if (count == most) return string.Concat(text.AsSpan(0, end), "…");
            count++;
            at += rune.Utf16SequenceLength;
            if (count == most - 1) end = at;
        }

        return text;
    }
}
