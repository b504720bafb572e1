using System.Collections.Immutable;
using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>A SCSI host with its units: sgN for each, sdX for disks.</summary>
internal sealed class ScsiChildren(KernelCore core, SimulatedStorage storage)
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    /// <summary>Returns what undoes it.</summary>
    public Action AddHost(string parent, ImmutableArray<ScsiUnitDescription> units) => AddHost(parent, units, core.Indices.Take("host"));

    private Action AddHost(string parent, ImmutableArray<ScsiUnitDescription> units, int host)
    {
        var path = string.Create(Invariant, $"{parent}/host{host}");
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.WriteLink("subsystem", "/sys/bus/scsi");
                directory.AddDirectory(
                    "scsi_host",
                    inner => inner.AddDirectory($"host{host}", leaf => leaf.WriteLink("subsystem", "/sys/class/scsi_host"))
                );
            }
        );
        core.Tree.WriteLink($"/sys/class/scsi_host/host{host}", $"{path}/scsi_host/host{host}");
        var undo = new Stack<Action>();
        foreach (var unit in units)
            AddUnit(path, host, unit, undo);
        return () =>
        {
            while (undo.TryPop(out var action))
                action();
            core.Tree.Remove($"/sys/class/scsi_host/host{host}");
            core.Tree.Remove(path);
            core.Indices.Free("host", host);
        };
    }

    /// <summary>
    /// A Fibre Channel host without a disk of its own: what it reaches by NVMe shows elsewhere (<see cref="SimulatedFabrics"/>).
    /// </summary>
    public void AddFcHost(PciDevice device, ChildDescription.FcHost fc)
    {
        var number = core.Indices.Take("host");
        var undo = AddHost(device.Path, [], number);
        var name = string.Create(Invariant, $"host{number}");
        var path = $"{device.Path}/{name}/fc_host/{name}";
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.Attribute("port_name", $"0x{fc.PortName:x16}");
                directory.Attribute("port_state", "Online");
                directory.WriteLink("subsystem", "/sys/class/fc_host");
            }
        );
        core.Tree.WriteLink("/sys/class/fc_host/" + name, path);
        device.Undo.Push(() =>
        {
            core.Tree.Remove("/sys/class/fc_host/" + name);
            undo();
        });
    }

    private void AddUnit(string hostPath, int host, ScsiUnitDescription unit, Stack<Action> undo)
    {
        var address = string.Create(Invariant, $"{host}:0:{unit.Target}:0");
        var path = string.Create(Invariant, $"{hostPath}/target{host}:0:{unit.Target}/{address}");
        var sg = core.Indices.Take("sg");
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.Attribute("type", unit.Type.ToString(Invariant));
                directory.Attribute("vendor", unit.Vendor.PadRight(8));
                directory.Attribute("model", unit.Model.PadRight(16));
                directory.Attribute("rev", unit.Revision.PadRight(4));
                // VPD page 0x80: peripheral type, page, length of two bytes, then the serial.
                if (unit.Serial is { } serial)
                    directory.WriteBytes(
                        "vpd_pg80",
                        [(byte)unit.Type, 0x80, 0, (byte)serial.Length, .. System.Text.Encoding.ASCII.GetBytes(serial)]
                    );
                directory.WriteLink("subsystem", "/sys/bus/scsi");
                directory.WriteLink("generic", $"{path}/scsi_generic/sg{sg}");
                directory.AddDirectory(
                    "scsi_generic",
                    generic =>
                        generic.AddDirectory(
                            $"sg{sg}",
                            leaf =>
                            {
                                leaf.Attribute("dev", $"21:{sg}");
                                leaf.WriteFile("uevent", $"MAJOR=21\nMINOR={sg}\nDEVNAME=sg{sg}\n");
                                leaf.WriteLink("device", path);
                                leaf.WriteLink("subsystem", "/sys/class/scsi_generic");
                            }
                        )
                );
            }
        );
        core.Tree.WriteLink($"/sys/class/scsi_generic/sg{sg}", $"{path}/scsi_generic/sg{sg}");
        core.Tree.WriteLink("/sys/bus/scsi/devices/" + address, path);
        core.AddNode($"/dev/sg{sg}", new DeviceNumber(false, 21, (uint)sg), $"{path}/scsi_generic/sg{sg}", 0x180);
        undo.Push(() =>
        {
            core.Tree.Remove($"/sys/class/scsi_generic/sg{sg}");
            core.Tree.Remove("/sys/bus/scsi/devices/" + address);
            core.RemoveNode($"/dev/sg{sg}");
            core.Tree.Remove(path);
            core.Indices.Free("sg", sg);
        });
        if (unit.Type != 0)
            return;
        var letter = core.Indices.Take("sd");
        undo.Push(() => core.Indices.Free("sd", letter));
        undo.Push(storage.AddDisk("sd" + (char)('a' + letter), path + "/block", path, major: 8, minor: letter * 16));
    }
}
