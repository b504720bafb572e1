using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Commands;
using Hostdev.Planning;
using Hostdev.Planning.Foreseeing;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// The property that <c>plan</c> shows what <c>run</c> then does: the steps of all foreseen rounds are, lane by lane and in order, the
/// writes that the simulated kernel has seen when the agent is quiet again. It holds from one desired state to the next, as long as nothing
/// else changes the machine and nothing fails.
/// </summary>
internal sealed partial class ForeseenWrites
{
    /// <summary>What is written to, or about.</summary>
    private readonly Dictionary<string, string> _lanes = new(StringComparer.Ordinal);
    private readonly ImmutableArray<Foreseen> _steps;
    private readonly SimulatedNode _node;
    private readonly int _from;
    private readonly int _touches;

    private ForeseenWrites(SimulatedNode node, ForeseenWay way, string fingerprint)
    {
        (_node, _touches, _from) = (node, node.Touches, node.WritesSeen.Length);
        Fingerprint = fingerprint;
        foreach (var lane in way.Rounds.SelectMany(p => p.Lanes))
        {
            foreach (var device in lane.Steps.Select(s => s.Step.Device).OfType<DeviceId>())
                _lanes.TryAdd(device.ToString(), lane.Key.ToString());
        }

        _steps = [.. way.Rounds.SelectMany(p => p.Lanes).SelectMany(l => l.Steps).Select(s => WriteOf(s.Step)).OfType<Foreseen>()];
    }

    /// <summary>Of the desired state that they are for.</summary>
    public string Fingerprint { get; }

    /// <summary>What plan foresees of a desired state.</summary>
    /// <returns>Null where somebody outside has a part in it, or it cannot be planned for: then run does nothing for it either.</returns>
    public static ForeseenWrites? Of(SimulatedNode node, string desiredFile, string stateDirectory)
    {
        try
        {
            var look = PlanCommand.Look(desiredFile, stateDirectory, node.Machine, TimeProvider.System);
            var way = Foresight.Of(look.Input);
            // Who is waited for, or has a device, changes something from outside when letting go; what cannot be read may be read later.
            var isSettledBefore = look.Input.Given.IsEmpty && look.Input.Ownership.Loans.IsEmpty && look.Input.Inventory.Problems.IsEmpty;
            return isSettledBefore && !way.End.Findings.Any(f => f.State.GoesOn || f.State.IsInTheWay)
                ? new ForeseenWrites(node, way, look.Fingerprint)
                : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Nothing but the agent has had to do with the machine since, and no write has failed.</summary>
    public bool IsUntouched => _node.Touches == _touches && _node.WritesSeen[_from..].All(w => w.Error is not { IsSuccess: false });

    /// <summary>The difference in words, lane by lane; null when what was done is what was foreseen.</summary>
    public string? Difference()
    {
        var done = _node.WritesSeen[_from..].Select(Of).ToList();
        // What a file of a device reads that was not there yet nobody could look into: it may have been as it should be.
        var foreseen = _steps.Where(s => !s.IsOptional || done.Exists(d => (d.Path, d.Value) == (s.Path, s.Value))).ToList();
        var (expected, actual) = (Text(foreseen), Text(done));
        return expected == actual ? null : $"plan has foreseen\n{expected}\nand run has written\n{actual}";
    }

    private static string Text(IEnumerable<Foreseen> writes) =>
        string.Join(
            '\n',
            writes
                .GroupBy(w => w.Lane, StringComparer.Ordinal)
                .OrderBy(g => g.Key, StringComparer.Ordinal)
                .Select(g => $"{g.Key}\n{string.Join('\n', g.Select(w => $"  {w.Path} <- {w.Value}"))}")
        );

    private Foreseen? WriteOf(PlanStep step)
    {
        var (file, value) = step switch
        {
            PlanStep.SetAutoprobe s => (PciFiles.Attribute(s.PhysicalFunction, "sriov_drivers_autoprobe"), s.Autoprobe ? "1" : "0"),
            PlanStep.SetNumVfs s => (
                PciFiles.Attribute(s.PhysicalFunction, KernelFile.NumVfs),
                s.NumVfs.ToString(CultureInfo.InvariantCulture)
            ),
            PlanStep.SetDriverOverride s => (PciFiles.Attribute(s.Address, "driver_override"), s.Driver ?? ""),
            PlanStep.Unbind s => (PciFiles.Unbind(s.Driver), s.Address.ToString()),
            PlanStep.Probe s => (PciFiles.DriversProbe, s.Address.ToString()),
            PlanStep.Reset s => (PciFiles.Attribute(s.Address, "reset"), "1"),
            PlanStep.CreateMdev s => (MdevFiles.Create(s.Parent, s.TypeId), s.Uuid.ToString()),
            PlanStep.RemoveMdev s => (MdevFiles.Remove(s.Uuid), "1"),
            PlanStep.GiveVgpuType s => (VgpuFiles.Current(s.Address), s.TypeId),
            PlanStep.TakeVgpuType s => (VgpuFiles.Current(s.Address), "0"),
            PlanStep.SetAttribute s => (AttributeFiles.Of(s.File), s.Value),
            PlanStep.ProbeInterface s => (UsbFiles.DriversProbe, s.Interface),
            _ => (null, ""),
        };
        return file is null
            ? null
            : new Foreseen(_lanes[step.Device!.ToString()], PathOf(file), value)
            {
                IsOptional = step is PlanStep.SetAttribute { Was: "?" },
            };
    }

    /// <summary>Where the simulated kernel says that it was written.</summary>
    private static string PathOf(KernelFile file) => file.Below is { } directory ? $"{directory}/{file.Name}" : file.Path;

    private Foreseen Of(LoggedWrite write)
    {
        var value = write.Value.TrimEnd('\n');
        var device = Named().Matches($"{write.Path} {value}").Select(m => m.Value).LastOrDefault(d => _lanes.ContainsKey(d));
        // What is written below a device's directory, without a link on the way, is told by where that really is.
        var path = RealPath().Match(write.Path) is { Success: true } real
            ? $"/sys/bus/{(real.Groups["device"].Length > 20 ? "mdev" : "pci")}/devices/{real.Groups["device"]}/{real.Groups["file"]}"
            : write.Path;
        return new Foreseen(device is null ? "in no lane" : _lanes[device], path, value);
    }

    [GeneratedRegex("^/sys/devices/.*/(?<device>[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{4,5}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7])/(?<file>.*)$")]
    private static partial Regex RealPath();

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{4,5}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]")]
    private static partial Regex Named();

    private sealed record Foreseen(string Lane, string Path, string Value)
    {
        public bool IsOptional { get; init; }
    }
}
