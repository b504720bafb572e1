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
        foreach (var objection in inOrder.Select(check => check(it)).OfType<Objection>())
        {
            asksWhoUses |= objection.IsForNewAlone;
            var why = objection.IsForNewAlone ? it.WhyItStays : null;
            if (objection.Message is { } message)
                findings.Add(
                    why is null
                        ? it.Say(objection.State, objection.Reason, message)
                        : it.Say(FindingState.Noticed, objection.Reason, $"{message}. {why}")
                );
            if (objection.Refuses && why is null)
                return new Ruling(findings.ToImmutable(), objection, asksWhoUses);
        }

        return new Ruling(findings.ToImmutable(), null, asksWhoUses);
    }
}
