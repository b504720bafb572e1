using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Sriov;

/// <summary>
/// Which functions a policy's selectors mean: those that are called so now, and those that were when they were chosen and that the policy
/// has in force. A name is one function's: where it has moved to another one while the first is still there, the first keeps what it has,
/// and the other is not taken for it.
/// </summary>
internal sealed class Choosing(Situation situation)
{
    /// <summary>The functions among <paramref name="candidates"/>, in their order. Says what is called otherwise than when it was
    /// chosen.</summary>
    public Chosen Choose(PolicyIdentity policy, IEnumerable<PciFunction> candidates, ImmutableArray<SelectorTerms> selectors)
    {
        var functions = ImmutableArray.CreateBuilder<PciFunction>();
        var choices = ImmutableArray.CreateBuilder<Choice>();
        var findings = ImmutableArray.CreateBuilder<Finding>();
        foreach (var function in candidates)
        {
            var verdict = InOne([.. selectors.Select(s => Judge(policy.Uid, s, function)).OfType<Verdict>()]);
            if (verdict is Verdict.Chosen { Choice: var byName })
            {
                functions.Add(function);
                if (byName is not null)
                    choices.Add(byName);
            }

            if (WhatIsSaid(policy, function, verdict) is { } finding)
                findings.Add(finding);
        }

        return new Chosen(policy, functions.ToImmutable(), choices.ToImmutable(), findings.ToImmutable());
    }

    /// <summary>Whether the selectors mean a function; says and records nothing.</summary>
    public bool Means(string policyUid, IEnumerable<SelectorTerms> selectors, PciFunction function) =>
        selectors.Any(s => Judge(policyUid, s, function) is Verdict.Chosen);

    /// <summary>What all selectors together say: by hardware before by a name it has, and that before by a name it had.</summary>
    private static Verdict? InOne(List<Verdict> verdicts)
    {
        var chosen = verdicts.OfType<Verdict.Chosen>().ToList();
        return chosen.Find(c => c.Choice is null)
            ?? chosen.Find(c => !c.Kept)
            ?? chosen.FirstOrDefault()
            ?? verdicts.OfType<Verdict.Represented>().FirstOrDefault()
            ?? (Verdict?)verdicts.OfType<Verdict.Moved>().FirstOrDefault();
    }

    private Finding? WhatIsSaid(PolicyIdentity policy, PciFunction function, Verdict? verdict)
    {
        var (state, reason, message) = verdict switch
        {
            Verdict.Chosen { Choice: { } choice, Kept: true } => (FindingState.Noticed, Reasons.NameChanged, WhatChanged(function, choice)),
            Verdict.Represented it => (
                FindingState.Blocked,
                Reasons.Representor,
                $"{function.Address} is not chosen by {it.Name}, which belongs to a virtual function or a subfunction "
                    + "(a representor, or its own) and is no interface of its own: write "
                    + (situation.NamesOf(function).FirstOrDefault() is { } name ? $"{name}, or its address" : "its address")
            ),
            Verdict.Moved it => (
                FindingState.Blocked,
                Reasons.NameMoved,
                $"{function.Address} is called {it.Name} now, and so was {it.Owner} when {policy} chose it: "
                    + $"{it.Owner} stays in force and {function.Address} is not taken; write addresses in place "
                    + "of the name"
            ),
            _ => default,
        };
        return message is null ? null : new Finding(policy, function.Address.ToString(), state, reason, message);
    }

    private Verdict? Judge(string policyUid, SelectorTerms terms, PciFunction function)
    {
        if (!terms.Lasting(function))
            return null;
        if (!terms.AsksForNames)
            return new Verdict.Chosen(null, Kept: false);
        var driver = situation.HostDriver(function);
        var name = terms.Interfaces.IsEmpty ? null : situation.NamesOf(function).FirstOrDefault(n => terms.Interfaces.Contains(n));
        var known = situation.Input.Choices.FirstOrDefault(c => c.PolicyUid == policyUid && c.IsOf(function) && terms.AsksFor(c));
        if (!terms.Matches(function, driver, situation.NamesOf(function)))
        {
            return known is null ? ByRepresentor(policyUid, terms, function, driver) : new Verdict.Chosen(known, Kept: true);
        }

        if (known is null && name is not null && OwnerOf(policyUid, name, function) is { } owner)
            return new Verdict.Moved(name, owner);
        return new Verdict.Chosen(
            new Choice(policyUid, function.Address, function.Vendor, function.Device)
            {
                Interface = name,
                Driver = terms.Driver is null ? null : driver,
                Slot = terms.Slot is null ? null : function.Slot,
            },
            Kept: false
        );
    }

    /// <summary>Earlier versions took a representor's name for its physical function's: what they have in force stays.</summary>
    private Verdict? ByRepresentor(string policyUid, SelectorTerms terms, PciFunction function, string? driver)
    {
        if (
            situation.RepresentorsOf(function).FirstOrDefault(n => terms.Interfaces.Contains(n)) is not { } name
            || !terms.Matches(function, driver, [name])
        )
        {
            return null;
        }

        if (!IsOnRecord(policyUid, function.Address))
            return new Verdict.Represented(name);
        var choice = new Choice(policyUid, function.Address, function.Vendor, function.Device)
        {
            Interface = name,
            Driver = terms.Driver is null ? null : driver,
        };
        return new Verdict.Chosen(choice, Kept: true);
    }

    /// <summary>Whether the journal has the physical function, or virtual functions of it, for this policy.</summary>
    private bool IsOnRecord(string policyUid, PciAddress pf)
    {
        var owned = situation.Input.Ownership;
        return owned.PhysicalFunctions.GetValueOrDefault(pf)?.PolicyUid == policyUid
            || owned.Functions.Values.Any(o => o.PolicyUid == policyUid && PhysicalFunctionOf(o.Address) == pf);
    }

    private PciAddress? PhysicalFunctionOf(PciAddress address) =>
        situation.Inventory.Functions.GetValueOrDefault(address)?.PhysicalFunction;

    /// <summary>The function, still there, that the policy has in force by this name.</summary>
    private PciAddress? OwnerOf(string policyUid, string name, PciFunction other) =>
        situation
            .Input.Choices.FirstOrDefault(c =>
                c.PolicyUid == policyUid
                && c.Interface == name
                && c.Address != other.Address
                && situation.Inventory.Functions.TryGetValue(c.Address, out var function)
                && c.IsOf(function)
            )
            ?.Address;

    private string WhatChanged(PciFunction function, Choice choice)
    {
        List<string> changes = [];
        if (choice.Interface is { } port && situation.RepresentorsOf(function).Contains(port, StringComparer.Ordinal))
        {
            changes.Add($"{port}, which belongs to a virtual function or a subfunction (a representor, or its own)");
        }
        else if (choice.Interface is { } name && !situation.NamesOf(function).Contains(name, StringComparer.Ordinal))
        {
            changes.Add($"its interface {name}, which {Now(function)}");
        }

        if (choice.Driver is { } driver && situation.HostDriver(function) != driver)
            changes.Add($"its driver {driver}, which is {situation.HostDriver(function) ?? "none"} now");
        if (choice.Slot is { } slot && function.Slot != slot)
            changes.Add($"its slot {slot}, which is called {function.Slot ?? "nothing"} now");
        return $"{function.Address} was chosen by {string.Join(" and by ", changes)}: what is in force stays; write the "
            + "new name or the address";
    }

    private string Now(PciFunction function) =>
        situation.NamesOf(function).FirstOrDefault() is { } name ? $"is called {name} now"
        : function.NetworkInterfaceElsewhere ? "is in another network namespace now"
        : "is not there now";

    private abstract record Verdict
    {
        /// <param name="Choice">Null when hardware alone decided.</param>
        /// <param name="Kept">It is called otherwise by now.</param>
        public sealed record Chosen(Choice? Choice, bool Kept) : Verdict;

        /// <summary>The name is that of an interface which stands for a virtual function of it.</summary>
        public sealed record Represented(string Name) : Verdict;

        /// <summary>It has the name that another function had, and keeps, by the same policy.</summary>
        public sealed record Moved(string Name, PciAddress Owner) : Verdict;
    }
}
