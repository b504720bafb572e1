using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>What an agent shows of itself and its node. Nothing is counted here: everything is read when somebody asks.</summary>
public sealed class AgentMetrics : IDisposable
{
    public const string MeterName = "Hostdev.Agent";

    /// <summary>All that can stop every write to a host.</summary>
    private static readonly ImmutableArray<Reason> s_halts = [.. Reasons.All.Where(r => r.StopsWrites)];

    private readonly Meter _meter = new(MeterName);
    private volatile Func<AgentReading>? _read;

    public AgentMetrics()
    {
        Counter("hostdev.agent.reconciles", "How often the host was read and planned for.", r => [new(r.Reconciles)]);
        Counter(
            "hostdev.agent.reconcile.failures",
            "Of them, how many ended with an error and were repeated.",
            r => [new(r.FailedReconciles)]
        );
        Counter("hostdev.agent.host.writes", "Writes to sysfs: none while nothing changes.", r => [new(r.HostWrites)]);
        Counter(
            "hostdev.agent.refused.allocations",
            "How often the kubelet was refused a device for a pod, by reason.",
            r => r.RefusedAllocations.Select(x => Value(x.Value, ("reason", x.Key.Name)))
        );
        Counter(
            "hostdev.agent.pcie.errors",
            "PCIe errors (AER) that offered devices, the cards they are parts of, and the ports above them have reported, by severity.",
            r => PcieErrors(r, isRootPort: false)
        );
        Counter(
            "hostdev.agent.root.port.errors",
            "PCIe errors (AER) that the root ports above offered devices have received, of all that is below them, by severity.",
            r => PcieErrors(r, isRootPort: true)
        );
        Gauge(
            "hostdev.agent.halted",
            "1 while nothing at all is written to the host, by reason.",
            r => s_halts.Select(h => Value(r.Halt?.Reason == h ? 1 : 0, ("reason", h.Name)))
        );
        OfStatus(
            "hostdev.agent.condition",
            "1 while a condition of the node's state is True.",
            s => s.Conditions.Select(c => Value(c.Status == "True" ? 1 : 0, ("condition", c.Type)))
        );
        OfStatus(
            "hostdev.agent.devices",
            "Devices that policies match on this node: matched, and of them ready, allocated and blocked.",
            Devices
        );
        Gauge(
            "hostdev.agent.units",
            "Units of devices by class: all, and of them ready to be given out, made only when a pod is given one, allocated.",
            r => Enum.GetValues<DeviceClass>().SelectMany(c => Units(c, [.. r.Units.Where(u => u.Class == c)]))
        );
        Gauge(
            "hostdev.agent.unready.units",
            "Units that are not given out now, by class and reason.",
            r =>
                r.Units.Where(u => u.Unready is not null)
                    .GroupBy(u => (u.Class, u.Unready!.Name))
                    .Select(g => Value(g.Count(), ("class", g.Key.Class.Word()), ("reason", g.Key.Name)))
        );
        OfStatus(
            "hostdev.agent.releasing",
            "Devices that no policy wants any more and that are still being given back.",
            s => [new(s.Releasing.Length)]
        );
        OfStatus(
            "hostdev.agent.resource.devices",
            "What the kubelet is told of a resource: capacity, and of it allocatable.",
            s => s.Resources.SelectMany(Devices)
        );
        OfStatus(
            "hostdev.agent.resource.registered",
            "1 while the kubelet watches the list of a resource.",
            s => s.Resources.Select(r => Value(r.Registered ? 1 : 0, ("resource", r.Name)))
        );
    }

    public void Dispose() => _meter.Dispose();

    /// <summary>Whom to ask from now on.</summary>
    internal void Ask(Func<AgentReading> read) => _read = read;

    private void Counter(string name, string description, Func<AgentReading, IEnumerable<Measurement<long>>> read) =>
        _meter.CreateObservableCounter(name, () => _read?.Invoke() is { } reading ? read(reading) : [], description: description);

    private void Gauge(string name, string description, Func<AgentReading, IEnumerable<Measurement<long>>> read) =>
        _meter.CreateObservableGauge(name, () => _read?.Invoke() is { } reading ? read(reading) : [], description: description);

    private void OfStatus(string name, string description, Func<NodeDeviceStateStatus, IEnumerable<Measurement<long>>> read) =>
        Gauge(name, description, r => r.Status is { } status ? read(status) : []);

    private static IEnumerable<Measurement<long>> Devices(NodeDeviceStateStatus status) =>
        [
            Value(status.Policies.Sum(p => p.Matched), ("state", "matched")),
            Value(status.Policies.Sum(p => p.Ready), ("state", "ready")),
            Value(status.Policies.Sum(p => p.Allocated), ("state", "allocated")),
            Value(status.Policies.Sum(p => p.Blocked), ("state", "blocked")),
        ];

    private static IEnumerable<Measurement<long>> Units(DeviceClass of, ImmutableArray<UnitStanding> units) =>
        [
            Value(units.Length, ("class", of.Word()), ("state", "all")),
            Value(units.Count(u => u.Unready is null), ("class", of.Word()), ("state", "ready")),
            Value(units.Count(u => u.Unready is null && u.IsToBeMade), ("class", of.Word()), ("state", "on_demand")),
            Value(units.Count(u => u.IsAllocated), ("class", of.Word()), ("state", "allocated")),
        ];

    private static IEnumerable<Measurement<long>> Devices(ResourceStatus resource) =>
        [
            Value(resource.Capacity, ("resource", resource.Name), ("state", "capacity")),
            Value(resource.Allocatable, ("resource", resource.Name), ("state", "allocatable")),
        ];

    private static IEnumerable<Measurement<long>> PcieErrors(AgentReading reading, bool isRootPort) =>
        reading
            .PcieErrors()
            .Where(e => e.Key.IsRootPort == isRootPort)
            .Select(e => Value(e.Count, ("device", e.Key.Device.ToString()), ("severity", Word(e.Key.Severity))));

    private static string Word(PcieSeverity severity) =>
        severity switch
        {
            PcieSeverity.Correctable => "correctable",
            PcieSeverity.NonFatal => "nonfatal",
            _ => "fatal",
        };

    private static Measurement<long> Value(long value, params ReadOnlySpan<(string Key, string Value)> labels)
    {
        var tags = new KeyValuePair<string, object?>[labels.Length];
        for (var i = 0; i < labels.Length; i++)
            tags[i] = new(labels[i].Key, labels[i].Value);
        return new Measurement<long>(value, tags);
    }
}
