using System.Collections.Immutable;
using Hostdev.Crds.Kinds;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>
/// Somebody at the SCSI adapter: takes units from the host and lets it find them again, in another order and with other numbers, cables
/// them otherwise, binds the adapter anew; also what a VM has. What is mounted is left: the simulation does not know what becomes of
/// such a mount.
/// </summary>
internal sealed class ScsiHands(SimulatedKernel kernel, Uses uses, Lendables lendables, Random random, Action<string> tell)
{
    private const string Adapter = SequenceMachine.ScsiAdapter;

    private ImmutableArray<ScsiUnitDescription> _cabled = SequenceMachine.ScsiUnits;

    public void Move()
    {
        if (Host() is null || AreMounted())
            return;
        switch (random.Next(5))
        {
            case 0 when Units() is { Count: > 0 } there:
                Delete(there[random.Next(there.Count)]);
                break;
            case 1:
                Scan("- - -");
                break;
            case 2:
                // Found in the other order: each gets the number of another.
                DeleteAll();
                foreach (var unit in _cabled.Reverse())
                    Scan($"0 {unit.Target} 0");
                break;
            case 3:
                DeleteAll();
                Cable([.. _cabled.Select(u => u.Target < 2 ? u with { Target = 1 - u.Target } : u)]);
                Scan("- - -");
                break;
            case 4:
                Bind("unbind");
                Bind("bind");
                break;
        }
    }

    /// <summary>Everything is cabled as at boot, and found; what is found already is not touched.</summary>
    public void PutBack()
    {
        if (Host() is null)
            return;
        if (!_cabled.SequenceEqual(SequenceMachine.ScsiUnits))
        {
            DeleteAll();
            Cable(SequenceMachine.ScsiUnits);
        }

        Scan("- - -");
    }

    /// <summary>It is bound anew, so that its units are called as at boot as far as their numbers are free.</summary>
    public void Tidy()
    {
        Bind("unbind");
        Bind("bind");
        PutBack();
    }

    private string? Host() =>
        Directory
            .EnumerateFileSystemEntries(kernel.Paths.Resolve("/sys/class/scsi_host"))
            .Select(p => "/sys/class/scsi_host/" + Path.GetFileName(p))
            .FirstOrDefault(h => kernel.Core.Tree.Canonical(h)!.Contains($"/{Adapter}/", StringComparison.Ordinal));

    private List<string> Units() =>
        [
            .. Directory
                .EnumerateFileSystemEntries(kernel.Paths.Resolve("/sys/bus/scsi/devices"))
                .Select(p => "/sys/bus/scsi/devices/" + Path.GetFileName(p))
                .Where(u => kernel.Core.Tree.Canonical(u)!.Contains($"/{Adapter}/", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];

    private bool AreMounted()
    {
        var keys = lendables.Below(Adapter).ToHashSet(StringComparer.Ordinal);
        return uses.All.Any(u => u.Protection == Protection.Storage && u.Functions.Overlaps(keys));
    }

    private void DeleteAll()
    {
        foreach (var unit in Units())
            Delete(unit);
    }

    private void Delete(string unit) => Put(unit + "/delete", "1");

    private void Scan(string which) => Put(Host() + "/scan", which);

    private void Bind(string file) => Put("/sys/bus/pci/drivers/virtio-pci/" + file, Adapter);

    private void Cable(ImmutableArray<ScsiUnitDescription> units)
    {
        tell($"to the adapter are cabled {string.Join(", ", units.Select(u => $"{u.Serial ?? "a drive"} as target {u.Target}"))}");
        _cabled = units;
        kernel.CableScsi(Adapter, units);
    }

    private void Put(string path, string value) => tell($"by hand: {path} <- {value}: {kernel.Core.Write(path, value).Name}");
}
