using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;

namespace Hostdev.Projection;

/// <summary>
/// What of a node's status is believed. Whoever has one node's token writes what they like into its status, and it is read together with
/// all others: so each result is judged alone, what cannot be so costs that result and says so, and texts become printable here, where
/// they enter.
/// </summary>
public static partial class NodeReport
{
    /// <summary>More functions than a machine has: a PCI domain has 65,536 addresses.</summary>
    public const int MostDevices = 65_536;

    /// <summary>What it says of each policy, by uid; of two with one uid the first.</summary>
    /// <param name="node">Its name, for the words.</param>
    public static ImmutableDictionary<string, PolicyResultSummary> Results(string node, StatusSummary? status)
    {
        if (status is null || status.Policies.IsEmpty)
            return ImmutableDictionary<string, PolicyResultSummary>.Empty;
        var results = ImmutableDictionary.CreateBuilder<string, PolicyResultSummary>(StringComparer.Ordinal);
        for (var i = 0; i < status.Policies.Length; i++)
        {
            // A list may hold null, whatever its type says: it is read from JSON.
            if (status.Policies[i] is { } result)
                results.TryAdd(result.Uid, Complaint(result) is { } complaint ? Refused(result, node, i, complaint) : Printable(result));
        }

        return results.ToImmutable();
    }

    /// <summary>What it is giving back.</summary>
    public static ImmutableArray<DeviceProblem> Releasing(StatusSummary? status) =>
        status is null || status.Releasing.IsEmpty ? [] : [.. status.Releasing.OfType<DeviceProblem>().Select(Printable)];

    /// <summary>Field, value and bound of the first thing that cannot be so; null where there is none.</summary>
    private static string? Complaint(PolicyResultSummary result)
    {
        foreach (
            var (field, value) in new[]
            {
                ("matched", result.Matched),
                ("ready", result.Ready),
                ("blocked", result.Blocked),
                ("allocated", result.Allocated),
            }
        )
        {
            if (value is < 0 or > MostDevices)
                return string.Create(CultureInfo.InvariantCulture, $"{field} is {value}, and a node has 0 to {MostDevices} devices");
        }

        foreach (var ids in result.Ids)
        {
            if (ids is null || !Ids().IsMatch(ids))
                return $"ids has \"{PrintableText.Of(ids ?? "null")}\", which is no vendor:device, as 10de:2230 is";
        }

        if (!IsWord(result.Reason.Name))
            return $"reason is \"{PrintableText.Of(result.Reason.Name)}\", which is no CamelCase word";
        return result.Problems.Any(p => p is null || !IsWord(p.Reason.Name) || !IsWord(p.State.Name))
            ? "problems has an entry whose state or reason is no CamelCase word"
            : null;
    }

    /// <summary>Nothing of it counts: neither its numbers, nor that the policy was ready there, which would halt a rollout.</summary>
    private static PolicyResultSummary Refused(PolicyResultSummary result, string node, int index, string complaint) =>
        new()
        {
            Kind = result.Kind,
            Name = result.Name,
            Uid = result.Uid,
            Generation = result.Generation,
            ReadyGeneration = 0,
            Reason = Reasons.InvalidStatus,
            Message = string.Create(
                CultureInfo.InvariantCulture,
                $"NodeDeviceState {node}, status.policies[{index}]: {complaint}. Nothing that this node says of the policy counts: "
                    + $"look which agent runs on {node}, and who else has its token"
            ),
        };

    private static PolicyResultSummary Printable(PolicyResultSummary result)
    {
        var message = PrintableText.Of(result.Message);
        var isPlain = ReferenceEquals(message, result.Message) && result.Problems.All(p => ReferenceEquals(Printable(p), p));
        return isPlain ? result : result with { Message = message, Problems = [.. result.Problems.Select(Printable)] };
    }

    private static DeviceProblem Printable(DeviceProblem problem)
    {
        var (message, device) = (PrintableText.Of(problem.Message), PrintableText.Of(problem.Device));
        return ReferenceEquals(message, problem.Message) && ReferenceEquals(device, problem.Device)
            ? problem
            : problem with
            {
                Message = message,
                Device = device,
            };
    }

    private static bool IsWord(string name) => name.Length <= 64 && Word().IsMatch(name);

    [GeneratedRegex(@"\A[0-9a-f]{4}:[0-9a-f]{4}\z")]
    private static partial Regex Ids();

    [GeneratedRegex(@"\A[A-Za-z0-9]*\z")]
    private static partial Regex Word();
}
