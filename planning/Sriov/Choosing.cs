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
internal sealed class Choosing(PlanningContext context)
{
    private readonly Dictionary<(string PolicyUid, PciAddress Address), Choice> _byName = [];
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    /// <summary>The functions among <paramref name="candidates"/>, in their order. Says what is called otherwise than when it was
    /// chosen.</summary>
    public IReadOnlyList<PciFunction> Choose(
        PolicyIdentity policy,
        IEnumerable<PciFunction> candidates,
        ImmutableArray<SelectorTerms> selectors
    )
    {
        _asked.Add(policy.Uid);
        var chosen = new List<PciFunction>();
        foreach (var function in candidates)
        {
            var verdicts = selectors.Select(s => Judge(policy.Uid, s, function)).ToList();
            if (verdicts.Find(v => v is Verdict.Chosen { Choice: null }) is not null)
            {
                chosen.Add(function);
            }
            else if (
                (verdicts.Find(v => v is Verdict.Chosen { Kept: false }) ?? verdicts.Find(v => v is Verdict.Chosen)) is Verdict.Chosen
                {
                    Choice: { } choice,
                    Kept: var kept
                }
            )
            {
                chosen.Add(function);
                _byName[(policy.Uid, function.Address)] = choice;
                if (kept)
                    Say(policy, function, choice);
            }
            else if (verdicts.OfType<Verdict.Represented>().FirstOrDefault() is { } represented)
            {
                var own = context.NamesOf(function).FirstOrDefault() is { } name ? $"{name}, or its address" : "its address";
                context.Block(
                    policy,
                    function.Address.ToString(),
                    Reasons.Representor,
                    $"{function.Address} is not chosen by {represented.Name}, which belongs to a virtual function or a subfunction "
                        + $"(a representor, or its own) and is no interface of its own: write {own}"
                );
            }
            else if (verdicts.OfType<Verdict.Moved>().FirstOrDefault() is { } moved)
            {
                context.Block(
                    policy,
                    function.Address.ToString(),
                    Reasons.NameMoved,
                    $"{function.Address} is called {moved.Name} now, and so was {moved.Owner} when {policy} chose it: "
                        + $"{moved.Owner} stays in force and {function.Address} is not taken; write addresses in place "
                        + "of the name"
                );
            }
        }

        return chosen;
    }

    /// <summary>Whether the selectors mean a function; says and records nothing.</summary>
    public bool Means(string policyUid, IEnumerable<SelectorTerms> selectors, PciFunction function) =>
        selectors.Any(s => Judge(policyUid, s, function) is Verdict.Chosen);

    /// <summary>
    /// What must be on disk before anything of this plan is done: the choices by name that are in force, or come into force by it.
    /// </summary>
    public ImmutableArray<Choice> InForce()
    {
        var desired = context.Input.Policies.Select(p => p.Identity.Uid).ToHashSet(StringComparer.Ordinal);
        var known = context.Input.Choices.Select(c => (c.PolicyUid, c.Address)).ToHashSet();
        var now = _byName.Where(c => known.Contains(c.Key) || IsInForce(c.Key.PolicyUid, c.Key.Address)).Select(c => c.Value).ToList();
        var names = now.Where(c => c.Interface is not null).Select(c => (c.PolicyUid, c.Interface)).ToHashSet();
        // A policy that was not understood, or has no say now, keeps what it chose; so does a function that is away, unless its name has
        // gone to another one.
        var others = context.Input.Choices.Where(c =>
            desired.Contains(c.PolicyUid)
            && !_byName.ContainsKey((c.PolicyUid, c.Address))
            && (
                !_asked.Contains(c.PolicyUid)
                || (!context.Inventory.Functions.ContainsKey(c.Address) && !names.Contains((c.PolicyUid, c.Interface)))
            )
        );
        return [.. now.Concat(others).OrderBy(c => c.PolicyUid, StringComparer.Ordinal).ThenBy(c => c.Address)];
    }

    private Verdict? Judge(string policyUid, SelectorTerms terms, PciFunction function)
    {
        if (!terms.Lasting(function))
            return null;
        if (!terms.AsksForNames)
            return new Verdict.Chosen(null, Kept: false);
        var driver = context.HostDriver(function);
        var name = terms.Interfaces.IsEmpty ? null : context.NamesOf(function).FirstOrDefault(n => terms.Interfaces.Contains(n));
        var known = context.Input.Choices.FirstOrDefault(c => c.PolicyUid == policyUid && c.IsOf(function) && terms.AsksFor(c));
        if (!terms.Matches(function, driver, context.NamesOf(function)))
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
            context.RepresentorsOf(function).FirstOrDefault(n => terms.Interfaces.Contains(n)) is not { } name
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
        var owned = context.Input.Ownership;
        return owned.PhysicalFunctions.GetValueOrDefault(pf)?.PolicyUid == policyUid
            || owned.Functions.Values.Any(o => o.PolicyUid == policyUid && PhysicalFunctionOf(o.Address) == pf);
    }

    private PciAddress? PhysicalFunctionOf(PciAddress address) => context.Inventory.Functions.GetValueOrDefault(address)?.PhysicalFunction;

    /// <summary>The function, still there, that the policy has in force by this name.</summary>
    private PciAddress? OwnerOf(string policyUid, string name, PciFunction other) =>
        context
            .Input.Choices.FirstOrDefault(c =>
                c.PolicyUid == policyUid
                && c.Interface == name
                && c.Address != other.Address
                && context.Inventory.Functions.TryGetValue(c.Address, out var function)
                && c.IsOf(function)
            )
            ?.Address;

    private bool IsInForce(string policyUid, PciAddress address) =>
        context.Input.Ownership.PhysicalFunctions.ContainsKey(address)
        || (context.Input.Ownership.Functions.TryGetValue(address, out var owned) && owned.PolicyUid == policyUid)
        || context.PhysicalFunctions.GetValueOrDefault(address) is { NumVfs: not null }
        || context.Units.Any(u =>
            u.Policy.Uid == policyUid
            && u.Functions().Any(m => m.Address == address || context.Inventory.Functions[m.Address].PhysicalFunction == address)
        );

    private void Say(PolicyIdentity policy, PciFunction function, Choice choice)
    {
        List<string> changes = [];
        if (choice.Interface is { } port && context.RepresentorsOf(function).Contains(port, StringComparer.Ordinal))
        {
            changes.Add($"{port}, which belongs to a virtual function or a subfunction (a representor, or its own)");
        }
        else if (choice.Interface is { } name && !context.NamesOf(function).Contains(name, StringComparer.Ordinal))
        {
            changes.Add($"its interface {name}, which {Now(function)}");
        }

        if (choice.Driver is { } driver && context.HostDriver(function) != driver)
            changes.Add($"its driver {driver}, which is {context.HostDriver(function) ?? "none"} now");
        if (choice.Slot is { } slot && function.Slot != slot)
            changes.Add($"its slot {slot}, which is called {function.Slot ?? "nothing"} now");
        var message =
            $"{function.Address} was chosen by {string.Join(" and by ", changes)}: what is in force stays; write the "
            + "new name or the address";
        context.Findings.Add(new Finding(policy, function.Address.ToString(), FindingState.Noticed, Reasons.NameChanged, message));
    }

    private string Now(PciFunction function) =>
        context.NamesOf(function).FirstOrDefault() is { } name ? $"is called {name} now"
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
