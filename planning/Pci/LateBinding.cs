using System.Collections.Frozen;
using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>
/// A group that stays with the host's drivers until a pod is given it (<c>binding: OnAllocate</c>), and returns to them when nobody has it:
/// what was taken is in no target, so it goes back like anything that no policy wants.
/// </summary>
internal static class LateBinding
{
    /// <summary>
    /// Not where all of it was found on its drivers: nothing says which ones the host has for it, so there is nothing to return to.
    /// </summary>
    public static bool IsMeant(GroupCase it) => it.Request.Binding == Binding.OnAllocate && Brought(it).Any();

    /// <summary>What keeps it from being offered at all, beside what does so for any group.</summary>
    public static Checks<GroupCase> Checks { get; } = new(WithoutRemapping);

    /// <param name="taking">What is in the way of taking it now: it is offered all the same, as what cannot be had now.</param>
    /// <param name="taken">What it comes to where it is taken.</param>
    public static Wish Grant(GroupCase it, Wish wish, Ruling taking, Targets taken)
    {
        var unit = it.Composed.Unit with { OnAllocate = OnAllocateOf(it, taking, taken) };
        return wish with
        {
            Claims = UnitPlanner.ClaimsOf(it),
            Findings = [.. taking.Findings, .. UnitFindings.Of(it.Situation, it.Request, it.Composed with { Unit = unit })],
            Granted = new Targets { Units = [unit], OnAllocate = [.. unit.Claims] },
        };
    }

    /// <summary>
    /// Host drivers that were measured to let a device go within two seconds (tests/Scenarios/LateBindingScenarios, on Linux 6.12): what
    /// another one's <c>remove</c> waits for is not ours to promise. nvidia's waits for whoever uses the device, without an end.
    /// </summary>
    private static readonly FrozenSet<string> s_prompt = new[] { "e1000e", "igb", "igbvf", "nvme", "xhci_hcd" }.ToFrozenSet(
        StringComparer.Ordinal
    );

    /// <summary>What of it has a host driver that may take long to let go.</summary>
    public static IEnumerable<PciFunction> OfSlowDrivers(GroupCase it) =>
        it.Request.Binding != Binding.OnAllocate
            ? []
            : Brought(it)
                .Select(m => it.Inventory.Functions[m.Address])
                .Where(f =>
                    it.Situation.HostDriver(f) is { } driver
                    && !s_prompt.Contains(driver)
                    && !it.Inventory.Facts.PassthroughDrivers.Contains(driver)
                );

    public static Standing SlowUnbind(GroupCase it, ImmutableArray<PciFunction> found)
    {
        var drivers = found.Select(f => it.Situation.HostDriver(f)!).Distinct().Order(StringComparer.Ordinal).ToList();
        return new(
            $"{GroupProblems.List(found.Select(f => f.Address.ToString()))} {(found.Length == 1 ? "is" : "are")} on "
                + $"{string.Join(" and ", drivers)}, and how long {(drivers.Count == 1 ? "it takes" : "they take")} to let a device go was "
                + "not measured",
            "use binding Static"
        );
    }

    /// <summary>What comes and goes with pods is looked at by nobody before it is given out.</summary>
    private static Objection? WithoutRemapping(GroupCase it) =>
        it.Inventory.Facts.InterruptRemapping == InterruptRemapping.No
            ? Objection.Of(
                Reasons.NoInterruptRemapping,
                $"{it.Primary.Address} is not offered with binding OnAllocate: the host does not remap interrupts; enable it in firmware "
                    + "(VT-d or AMD-Vi with x2APIC) and remove intremap=off from the kernel command line, or use binding Static"
            )
            : null;

    private static OnAllocate OnAllocateOf(GroupCase it, Ruling taking, Targets taken)
    {
        ImmutableArray<BoundDevice> brings = [.. Brought(it).Select(m => new BoundDevice(m.Address, m.Driver))];
        if (it.ToTake.Count == 0)
            return new OnAllocate(brings, []);
        var obstacle = ObstacleOf(it, taking);
        return new OnAllocate(
            brings,
            obstacle is null ? [.. FunctionSteps.Take(it.Situation, taken, it.Composed.Unit).Steps.Select(s => s.Step)] : [],
            obstacle
        );
    }

    /// <summary>What is on its driver only for an answer: what it is not on now, and what we have taken.</summary>
    private static IEnumerable<UnitMember> Brought(GroupCase it) =>
        it.Composed.Unit.Functions().Where(m => it.Inventory.Functions[m.Address].Driver != m.Driver || IsOurs(it, m.Address));

    private static Obstacle? ObstacleOf(GroupCase it, Ruling taking)
    {
        if (it.Situation.Input.Halt is { } halt)
            return new Obstacle(halt.Reason, halt.Message);
        if (taking.Refusal is { Message: { } message } refusal)
            return new Obstacle(refusal.Reason, message);
        if (it.Request.Unset is { } unset)
            return unset;
        return it.Composed.Unit.Functions().Any(m => IsOurs(it, m.Address))
            ? new Obstacle(Reasons.Changing, $"{it.Composed.Unit.Id} is on its way back to the host's drivers")
            : null;
    }

    private static bool IsOurs(GroupCase it, PciAddress address) => it.Situation.Input.Ownership.Functions.ContainsKey(address);
}
