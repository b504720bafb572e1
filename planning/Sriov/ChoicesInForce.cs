using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Pci;

namespace Hostdev.Planning.Sriov;

/// <summary>
/// What must be on disk before anything of a plan is done: the choices by name that are in force, or come into force by it.
/// </summary>
internal static class ChoicesInForce
{
    /// <param name="chosen">One for each policy; null for one whose selectors were not asked.</param>
    /// <param name="targets">What the plan brings the host to.</param>
    public static ImmutableArray<Choice> Of(Situation situation, IEnumerable<Chosen?> chosen, Targets targets)
    {
        var input = situation.Input;
        var asked = chosen.OfType<Chosen>().ToList();
        var desired = input.Policies.Select(p => p.Identity.Uid).ToHashSet(StringComparer.Ordinal);
        var known = input.Choices.Select(Key).ToHashSet();
        var byName = asked.SelectMany(c => c.ByName).ToList();
        var now = byName.Where(c => known.Contains(Key(c)) || IsInForce(situation, targets, c)).ToList();
        // A policy that was not understood, or has no say now, keeps what it chose; so does a function that is away, unless its name has
        // gone to another one.
        var policies = asked.Select(c => c.Policy.Uid).ToHashSet(StringComparer.Ordinal);
        var chosenNow = byName.Select(Key).ToHashSet();
        var names = now.Where(c => c.Interface is not null).Select(c => (c.PolicyUid, c.Interface)).ToHashSet();
        var others = input.Choices.Where(c =>
            desired.Contains(c.PolicyUid)
            && !chosenNow.Contains(Key(c))
            && (
                !policies.Contains(c.PolicyUid)
                || (!situation.Inventory.Functions.ContainsKey(c.Address) && !names.Contains((c.PolicyUid, c.Interface)))
            )
        );
        return [.. now.Concat(others).OrderBy(c => c.PolicyUid, StringComparer.Ordinal).ThenBy(c => c.Address)];
    }

    private static (string PolicyUid, PciAddress Address) Key(Choice choice) => (choice.PolicyUid, choice.Address);

    private static bool IsInForce(Situation situation, Targets targets, Choice choice) =>
        situation.Input.Ownership.PhysicalFunctions.ContainsKey(choice.Address)
        || situation.Input.Ownership.Functions.GetValueOrDefault(choice.Address)?.PolicyUid == choice.PolicyUid
        || targets.PhysicalFunctions.GetValueOrDefault(choice.Address) is { NumVfs: not null }
        || targets.Units.Any(u =>
            u.Policy.Uid == choice.PolicyUid
            && u.Functions()
                .Any(m => m.Address == choice.Address || situation.Inventory.Functions[m.Address].PhysicalFunction == choice.Address)
        );
}
