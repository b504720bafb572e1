using System.Collections.Immutable;
using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>
/// A chain of checks, one for each reason, in the order in which they are said; the first that refuses a case ends it. Each is pure and
/// has a name, whatever the class of device: a new reason is a check in its chain and an entry in <see cref="Reasons"/>.
/// </summary>
internal sealed class Checks<T>(params ImmutableArray<Func<T, Objection?>> inOrder)
    where T : ICase
{
    public Ruling Judge(T it)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var asksWhoUses = false;
        for (var i = 0; i < inOrder.Length; i++)
        {
            if (inOrder[i](it) is not { } objection)
                continue;
            asksWhoUses |= objection.IsForNewAlone;
            var (finding, refuses) = Say(it, objection);
            if (finding is not null)
                findings.Add(finding);
            if (!refuses)
                continue;
            var next = i + 1;
            return new Ruling(findings.ToImmutable(), objection, asksWhoUses)
            {
                Behind = () => objection.EndsAll ? [] : [.. InTheWay(it, next)],
            };
        }

        return new Ruling(findings.ToImmutable(), null, asksWhoUses);
    }

    /// <summary>All that would refuse it from one check on.</summary>
    private IEnumerable<Finding> InTheWay(T it, int from)
    {
        foreach (var objection in inOrder.Skip(from).Select(check => check(it)).OfType<Objection>())
        {
            if (Say(it, objection) is (not null and var finding, true))
                yield return finding;
            if (objection.EndsAll)
                yield break;
        }
    }

    /// <summary>What is said of an objection, and whether it refuses the case.</summary>
    private static (Finding? Finding, bool Refuses) Say(T it, Objection objection)
    {
        var why = objection.IsForNewAlone ? it.WhyItStays : null;
        var finding =
            objection.Message is not { } message ? null
            : why is null ? it.Say(objection.State, objection.Reason, message)
            : it.Say(FindingState.Noticed, objection.Reason, $"{message}. {why}");
        return (finding, objection.Refuses && why is null);
    }
}
