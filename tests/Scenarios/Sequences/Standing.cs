using Hostdev.Crds.Words;
using Hostdev.Planning.Pci;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>
/// What policies that are Ready have in force. None of it changes because of anything that is not in a policy, a kernel event of that
/// device, or a proof of release: not because an interface is called otherwise or is elsewhere, a pod or a kubelet comes or goes,
/// something fails, or the agent starts again.
/// </summary>
internal sealed class Standing(SimulatedKernel kernel, SteppedAgent agent, Uses uses)
{
    private const string Bus = "0000:41:";

    /// <summary>The policy by the function, with the buses of everything that is had together with it.</summary>
    private readonly Dictionary<string, (string Policy, HashSet<string> Buses)> _inForce = new(StringComparer.Ordinal);

    /// <summary>
    /// A policy's change, or something that happened to a device, is reason enough for everything on its bus, and for what is had together
    /// with something there.
    /// </summary>
    /// <param name="address">A function, or the beginning of its address.</param>
    public void HasReason(string address)
    {
        var bus = BusOf(address);
        foreach (var function in _inForce.Where(f => f.Value.Buses.Contains(bus)).Select(f => f.Key).ToList())
            _inForce.Remove(function);
    }

    /// <summary>After a round: what is offered of policies that have all that they ask for.</summary>
    public void Look()
    {
        var policies = agent.Host.Agent.Status?.Policies ?? [];
        var ready = policies.Where(p => p.Reason == Reasons.Ready).Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        // What is there only for a pod comes and goes with it.
        var lasting = agent.Host.Allocator.Catalog.Units.Values.Where(u => u.Problem is null && u.Unit.OnAllocate is null);
        foreach (var unit in lasting.Where(u => ready.Contains(u.Unit.Policy.Name)))
        {
            var buses = unit.Unit.Functions().Select(m => BusOf(m.Address.ToString())).ToHashSet(StringComparer.Ordinal);
            foreach (var member in unit.Unit.Functions().Where(m => kernel.DriverOf(m.Address.ToString()) == m.Driver))
                _inForce[member.Address.ToString()] = (unit.Unit.Policy.ToString(), buses);
        }
    }

    /// <summary>Fails when this write of the agent changes what is in force and nobody has given it a reason.</summary>
    public void CheckWrite(string path, string value)
    {
        var owner = Path.GetFileName(Path.GetDirectoryName(path)!);
        IEnumerable<string> changed = Path.GetFileName(path) switch
        {
            "unbind" => [value.Trim(), .. uses.VirtualFunctions(value.Trim())],
            "sriov_numvfs" => uses.VirtualFunctions(owner),
            "driver_override" => [owner],
            _ => [],
        };
        if (changed.FirstOrDefault(_inForce.ContainsKey) is { } function)
        {
            throw new BrokenPromiseException(
                $"{path} <- {value.Trim()} changes {function}, which {_inForce[function].Policy} has in force, for no reason"
            );
        }
    }

    private static string BusOf(string address) => address.Length < Bus.Length ? address : address[..Bus.Length];
}
