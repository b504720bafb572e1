using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Xunit.Sdk;

namespace Hostdev.Tests.Planning;

/// <summary>
/// A pure model of the kernel and of the journal that does a plan's steps, as contracts/kernel.md says they come out: an override beats
/// autoprobe, a probe of what is bound does nothing, the number of VFs changes only through 0, and with autoprobe off new VFs stay without
/// a driver.
/// </summary>
internal sealed class PlanApplier
{
    private readonly Dictionary<PciAddress, PciFunction> _functions;
    private readonly Dictionary<PciAddress, string?> _hostDrivers;
    private readonly HostFacts _facts;
    private readonly ImmutableDictionary<PciAddress, int> _sharedVfGroups;
    private JournalState _journal = JournalState.Empty;

    /// <param name="inventory">The machine at first: the drivers its functions have are what the host has for them.</param>
    /// <param name="sharedVfGroups">Physical functions whose VFs are not isolated, with the group they all come into.</param>
    public PlanApplier(HostInventory inventory, ImmutableDictionary<PciAddress, int>? sharedVfGroups = null)
    {
        _facts = inventory.Facts;
        _functions = inventory.Functions.ToDictionary();
        _hostDrivers = inventory.Functions.Values.ToDictionary(f => f.Address, f => f.Driver);
        _sharedVfGroups = sharedVfGroups ?? ImmutableDictionary<PciAddress, int>.Empty;
    }

    public Ownership Ownership => _journal.Ownership;

    /// <summary>How many VFs the drivers of physical functions make of the number that they are asked for.</summary>
    public Func<int, int> Makes { get; init; } = asked => asked;

    public HostInventory Inventory => Machine.Inventory(_facts, _functions.Values);

    /// <summary>Does the steps of all lanes, in turns between the lanes, up to <paramref name="stopAfter"/> steps: the rest is lost as in a
    /// crash.</summary>
    public void Apply(Plan plan, int stopAfter = int.MaxValue)
    {
        var longest = plan.Lanes.IsEmpty ? 0 : plan.Lanes.Max(l => l.Steps.Length);
        for (var i = 0; i < longest; i++)
        {
            foreach (var lane in plan.Lanes.Where(l => l.Steps.Length > i))
            {
                if (stopAfter-- <= 0)
                    return;
                Do(lane.Steps[i].Step);
            }
        }
    }

    /// <summary>Plans and applies until a plan has no lanes; returns that plan.</summary>
    public Plan Settle(PlanningInput input, int passes = 6, Action<Plan, PlanningInput>? look = null)
    {
        for (var pass = 0; ; pass++)
        {
            var now = input with { Inventory = Inventory, Ownership = Ownership };
            var plan = now.Plan();
            look?.Invoke(plan, now);
            if (plan.Lanes.IsEmpty)
                return plan;
            if (pass == passes)
                throw Refusal($"not settled after {passes} passes; still to do:\n{plan.Whole()}");
            Apply(plan);
        }
    }

    public void Do(PlanStep step)
    {
        switch (step)
        {
            case PlanStep.ProveFree s:
                _ = Get(s.Address, step);
                break;
            case PlanStep.Record s:
                var known = _journal.With(s.Entry);
                var isSetup = s.Entry is JournalRecord.OpenVfSetup or JournalRecord.CloseVfSetup;
                if (isSetup && ReferenceEquals(known, _journal))
                    throw Refusal($"{step.Words()}: not in the journal");
                _journal = known;
                break;
            case PlanStep.SetAutoprobe s:
                var autoprobed = Get(s.PhysicalFunction, step);
                if (!Ownership.PhysicalFunctions.ContainsKey(s.PhysicalFunction))
                    throw Refusal($"{step.Words()}: not in the journal");
                _functions[s.PhysicalFunction] = autoprobed with { Sriov = autoprobed.Sriov! with { Autoprobe = s.Autoprobe } };
                break;
            case PlanStep.SetNumVfs s:
                SetNumVfs(s);
                break;
            case PlanStep.SetDriverOverride s:
                if (!Ownership.Functions.ContainsKey(s.Address))
                    throw Refusal($"{step.Words()}: not in the journal");
                _functions[s.Address] = Get(s.Address, step) with { DriverOverride = s.Driver };
                break;
            case PlanStep.Unbind s:
                Unbind(s);
                break;
            case PlanStep.Probe s:
                Probe(s);
                break;
            default:
                throw new InvalidOperationException($"no way to do {step}");
        }
    }

    private void Unbind(PlanStep.Unbind step)
    {
        var function = Get(step.Address, step);
        if (function.Driver != step.Driver)
            throw Refusal($"{step.Words()}: ENODEV, it is on {function.Driver ?? "no driver"}");
        if (function.Sriov is { VirtualFunctions.Count: > 0 })
            throw Refusal($"{step.Words()}: its VFs would go with it");
        if (!Ownership.Functions.ContainsKey(step.Address))
            throw Refusal($"{step.Words()}: not in the journal");
        _functions[step.Address] = function with { Driver = null };
    }

    private void Probe(PlanStep.Probe step)
    {
        var function = Get(step.Address, step);
        if (function.Driver is null)
            _functions[step.Address] = function with { Driver = Found(function) };
        var now = _functions[step.Address].Driver;
        if (step.ExpectedDriver is { } expected && now != expected)
            throw Refusal($"{step.Words()}: it has {now ?? "no driver"}");
    }

    private string? Found(PciFunction function)
    {
        if (function.DriverOverride is { } wanted)
            return _facts.PassthroughDrivers.Contains(wanted) || _hostDrivers.ContainsValue(wanted) ? wanted : null;
        if (function.PhysicalFunction is { } pf)
            return _functions[pf].Sriov!.Autoprobe ? "igbvf" : null;
        return _hostDrivers[function.Address];
    }

    private void SetNumVfs(PlanStep.SetNumVfs step)
    {
        var pf = Get(step.PhysicalFunction, step);
        var sriov = pf.Sriov!;
        if (!Ownership.PhysicalFunctions.ContainsKey(step.PhysicalFunction))
            throw Refusal($"{step.Words()}: not in the journal");
        if (step.NumVfs == sriov.NumVfs)
            return;
        if (step.NumVfs > 0 && sriov.NumVfs > 0)
            throw Refusal($"{step.Words()}: EBUSY");
        if (step.NumVfs > sriov.TotalVfs)
            throw Refusal($"{step.Words()}: ERANGE");
        if (pf.Driver is null || _facts.PassthroughDrivers.Contains(pf.Driver))
            throw Refusal($"{step.Words()}: ENOENT");
        var gone = sriov.VirtualFunctions.Values.Except(step.VirtualFunctions).ToList();
        if (step.NumVfs == 0 && gone.Count > 0)
            throw Refusal($"{step.Words()}: {string.Join(", ", gone)} would go unproven");
        foreach (var vf in sriov.VirtualFunctions.Values)
            _functions.Remove(vf);
        var count = step.NumVfs == 0 ? 0 : Makes(step.NumVfs);
        var made = Enumerable
            .Range(0, count)
            .Select(i => Machine.VirtualFunction(pf, i, GroupOf(pf, i), sriov.Autoprobe ? "igbvf" : null))
            .ToList();
        foreach (var vf in made)
            _functions.Add(vf.Address, vf);
        _functions[pf.Address] = pf with
        {
            Sriov = sriov with
            {
                NumVfs = count,
                VirtualFunctions = made.ToImmutableSortedDictionary(v => v.VfIndex!.Value, v => v.Address),
            },
        };
    }

    private int GroupOf(PciFunction pf, int index) =>
        _sharedVfGroups.TryGetValue(pf.Address, out var shared)
            ? shared
            : 1000 + (pf.Address.Bus << 8) + (pf.Address.Function << 6) + index;

    private PciFunction Get(PciAddress address, PlanStep step) =>
        _functions.GetValueOrDefault(address) ?? throw Refusal($"{step.Words()}: ENODEV, it is not there");

    /// <summary>What the kernel would have refused, hung on or broken: a plan must never ask for it.</summary>
    private static XunitException Refusal(string message) => new(message);
}
