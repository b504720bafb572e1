using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>Giving types to virtual functions, and taking them back (NVIDIA's vendor VFIO).</summary>
internal static class VgpuSteps
{
    /// <summary>Whether a virtual function has the type of a profile by our hand, and for it.</summary>
    public static bool IsThere(Situation situation, PciFunction function, CardCase it) =>
        function.Vgpu?.TypeId is { } type
        && OursOf(situation, function) is { IsOfEarlierBoot: false } owned
        && owned.TypeId == type
        && IsFor(owned, it);

    /// <summary>Whether it was given that type for the profile before, in this boot or the one before it.</summary>
    public static bool Was(Situation situation, PciFunction function, CardCase it) =>
        OursOf(situation, function) is { } owned && IsFor(owned, it);

    /// <summary>The type that is given now; one whose number is not listed now is known from what was given before.</summary>
    public static (string Id, string? Name)? TypeOf(CardCase it) =>
        !it.Makers.IsEmpty ? (it.Makers[0].Type.Id, it.Makers[0].Type.Name)
        : it.VirtualFunctions.Where(f => Was(it.Situation, f, it)).Select(f => OursOf(it.Situation, f)!).FirstOrDefault() is { } owned
            ? (owned.TypeId, owned.TypeName)
        : it.Policy.Spec.TypeId is { } id ? (id, null)
        : null;

    public static IEnumerable<OwnedVgpu> Ours(Situation situation) => situation.Input.Ownership.Vgpus.Values.Where(o => !o.IsOfEarlierBoot);

    /// <summary>
    /// Those that have none. Types of one card compete for its room, and what one takes of another's is known when it is given: so one type
    /// is given on a card at a time, in the order of policies.
    /// </summary>
    public static IEnumerable<Work> Give(Situation situation, Targets targets)
    {
        var begun = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var target in targets.Units.Select(u => targets.Vgpus.GetValueOrDefault(u.Id)).OfType<VgpuTarget>())
        {
            if (situation.Inventory.Functions[target.Address].Vgpu is not { TypeId: null })
                continue;
            begun.TryAdd(target.Card, target.TypeId);
            if (begun[target.Card] == target.TypeId)
                yield return new Work(target.Address, [new LaneStep(Purpose.Take(target.Address), StepOf(target))]);
        }
    }

    public static PlanStep StepOf(VgpuTarget target) =>
        new PlanStep.GiveVgpuType(target.Address, target.TypeId, target.TypeName, target.PolicyUid);

    /// <summary>Takes one back that nobody wants, as soon as nobody has it. What somebody else made of it meanwhile is theirs.</summary>
    public static Work Release(Situation situation, Targets targets, OwnedVgpu owned)
    {
        var purpose = Purpose.Release(owned.Address);
        var forget = new LaneStep(purpose, new JournalRecord.ForgetVgpu(owned.Address));
        var vgpu = situation.Inventory.Functions.GetValueOrDefault(owned.Address)?.Vgpu;
        if (vgpu is not { IsUnreadable: true } && vgpu?.TypeId != owned.TypeId)
            return new Work(owned.Address, [forget]);
        var ruling = MdevReleaseChecks.All.Judge(
            new MdevReleaseCase(situation, targets, owned.Address, owned.PolicyUid)
            {
                Unreadable = vgpu is { IsUnreadable: true }
                    ? $"{owned.Address} is left as it is, because its type (nvidia/current_vgpu_type) cannot be read: look at dmesg"
                    : null,
                Ends = $"the vGPU type of {owned.Address} is taken back",
            }
        );
        return ruling.Refuses
            ? new Work(owned.Address, []) { Findings = ruling.Findings }
            : new Work(owned.Address, [new LaneStep(purpose, new PlanStep.TakeVgpuType(owned.Address, owned.TypeId)), forget]);
    }

    private static OwnedVgpu? OursOf(Situation situation, PciFunction function) =>
        situation.Input.Ownership.Vgpus.GetValueOrDefault(function.Address);

    private static bool IsFor(OwnedVgpu owned, CardCase it) =>
        owned.PolicyUid == it.Policy.Identity.Uid && it.Wants(owned.TypeId, owned.TypeName);
}
