using System.Collections.Immutable;
using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>A SCSI host with its units, which can be taken from it (<c>delete</c>) and found again (<c>scan</c>).</summary>
internal sealed class ScsiChildren(KernelCore core, SimulatedStorage storage)
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    /// <summary>Returns what undoes it.</summary>
    public Action AddHost(string parent, ImmutableArray<ScsiUnitDescription> units) => AddHost(parent, () => units);

    /// <param name="attached">What the host finds at this moment, in the order in which it finds it.</param>
    public Action AddHost(string parent, Func<ImmutableArray<ScsiUnitDescription>> attached) =>
        AddHost(parent, attached, core.Indices.Take("host"));

    private Action AddHost(string parent, Func<ImmutableArray<ScsiUnitDescription>> attached, int host)
    {
        var path = string.Create(Invariant, $"{parent}/host{host}");
        core.Tree.AddDirectory(
            path,
            directory =>
            {
                directory.WriteLink("subsystem", "/sys/bus/scsi");
                directory.AddDirectory(
                    "scsi_host",
                    inner =>
                        inner.AddDirectory(
                            $"host{host}",
                            leaf =>
                            {
                                leaf.WriteFile("scan", "", 0x80);
                                leaf.WriteLink("subsystem", "/sys/class/scsi_host");
                            }
                        )
                );
            }
        );
        core.Tree.WriteLink($"/sys/class/scsi_host/host{host}", $"{path}/scsi_host/host{host}");
        var present = new SortedDictionary<string, Action>(StringComparer.Ordinal);
        Errno Scan(Func<ScsiUnitDescription, bool> isWanted)
        {
            foreach (var unit in attached().Where(isWanted))
                AddUnit(path, host, unit, present);
            return Errno.None;
        }

        Scan(_ => true);
        core.Attribute(
            $"{path}/scsi_host/host{host}/scan",
            text =>
                text.Trim().Split(' ') is [var channel, var target, var lun]
                    ? Scan(u => Means(channel, 0) && Means(target, u.Target) && Means(lun, u.Lun))
                    : Errno.EINVAL
        );
        return () =>
        {
            foreach (var remove in present.Values.ToArray())
                remove();
            core.DropAttributes(path);
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
        var undo = AddHost(device.Path, () => [], number);
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

    private static bool Means(string word, int number) => word == "-" || word == number.ToString(Invariant);

    private void AddUnit(string hostPath, int host, ScsiUnitDescription unit, SortedDictionary<string, Action> present)
    {
        var address = string.Create(Invariant, $"{host}:0:{unit.Target}:{unit.Lun}");
        if (present.ContainsKey(address))
            return;
        var path = string.Create(Invariant, $"{hostPath}/target{host}:0:{unit.Target}/{address}");
        core.Tree.AddDirectory(path, directory => WriteUnit(directory, unit));
        core.Tree.WriteLink("/sys/bus/scsi/devices/" + address, path);
        core.Uevents.Emit("add", path, "scsi", ("DEVTYPE", "scsi_device"));
        var undo = new Stack<Action>();
        undo.Push(() =>
        {
            core.DropAttributes(path);
            core.Tree.Remove("/sys/bus/scsi/devices/" + address);
            core.Tree.Remove(path);
            core.Uevents.Emit("remove", path, "scsi", ("DEVTYPE", "scsi_device"));
        });
        AddNodes(path, address, unit, undo);
        void Remove()
        {
            present.Remove(address);
            while (undo.TryPop(out var action))
                action();
        }

        core.Attribute(
            path + "/delete",
            _ =>
            {
                Remove();
                return Errno.None;
            }
        );
        present.Add(address, Remove);
    }

    private static void WriteUnit(DirectoryDraft directory, ScsiUnitDescription unit)
    {
        directory.Attribute("type", unit.Type.ToString(Invariant));
        directory.Attribute("vendor", unit.Vendor.PadRight(8));
        directory.Attribute("model", unit.Model.PadRight(16));
        directory.Attribute("rev", unit.Revision.PadRight(4));
        directory.WriteFile("delete", "", 0x80);
        if (unit.Wwid is { } wwid)
            directory.Attribute("wwid", wwid);
        // VPD page 0x80: peripheral type, page, length of two bytes, then the serial.
        if (unit.Serial is { } serial)
            directory.WriteBytes(
                "vpd_pg80",
                [(byte)unit.Type, 0x80, 0, (byte)serial.Length, .. System.Text.Encoding.ASCII.GetBytes(serial)]
            );
        directory.WriteLink("subsystem", "/sys/bus/scsi");
    }

    /// <summary>
    /// The numbers of majors are the kernel's own (<c>Documentation/admin-guide/devices.txt</c>), that of bsg is given at run time.
    /// </summary>
    private void AddNodes(string path, string address, ScsiUnitDescription unit, Stack<Action> undo)
    {
        var sg = Take("sg", undo);
        AddNode(path, "scsi_generic", $"sg{sg}", $"sg{sg}", 21, sg, undo);
        core.Tree.WriteLink($"{path}/generic", $"{path}/scsi_generic/sg{sg}");
        AddNode(path, "bsg", address, "bsg/" + address, 247, Take("bsg", undo), undo);
        switch (unit.Type)
        {
            case 0:
                var letter = Take("sd", undo);
                undo.Push(storage.AddDisk("sd" + (char)('a' + letter), path + "/block", path, major: 8, minor: letter * 16));
                break;
            case 1:
                var tape = Take("st", undo);
                AddNode(path, "scsi_tape", $"st{tape}", $"st{tape}", 9, tape, undo);
                AddNode(path, "scsi_tape", $"nst{tape}", $"nst{tape}", 9, 128 + tape, undo);
                break;
            case 5 when unit.HasCdDriver:
                var cd = Take("sr", undo);
                undo.Push(storage.AddDisk($"sr{cd}", path + "/block", path, major: 11, minor: cd));
                break;
            case 8:
                var changer = Take("sch", undo);
                AddNode(path, "scsi_changer", $"sch{changer}", $"sch{changer}", 86, changer, undo);
                break;
        }
    }

    private int Take(string kind, Stack<Action> undo)
    {
        var index = core.Indices.Take(kind);
        undo.Push(() => core.Indices.Free(kind, index));
        return index;
    }

    private void AddNode(string device, string kind, string name, string node, int major, int minor, Stack<Action> undo)
    {
        var path = $"{device}/{kind}/{name}";
        (string, string)[] properties = [("MAJOR", $"{major}"), ("MINOR", $"{minor}"), ("DEVNAME", node)];
        core.Tree.AddDirectory(
            path,
            leaf =>
            {
                leaf.Attribute("dev", $"{major}:{minor}");
                leaf.WriteFile("uevent", $"MAJOR={major}\nMINOR={minor}\nDEVNAME={node}\n");
                leaf.WriteLink("device", device);
                leaf.WriteLink("subsystem", "/sys/class/" + kind);
            }
        );
        core.Tree.WriteLink($"/sys/class/{kind}/{name}", path);
        core.AddNode("/dev/" + node, new DeviceNumber(false, (uint)major, (uint)minor), path, 0x180);
        core.Uevents.Emit("add", path, kind, properties);
        undo.Push(() =>
        {
            core.Tree.Remove($"/sys/class/{kind}/{name}");
            core.RemoveNode("/dev/" + node);
            core.Tree.Remove(path);
            core.Uevents.Emit("remove", path, kind, properties);
        });
    }
}
