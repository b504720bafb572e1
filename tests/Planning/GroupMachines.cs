using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Tests.Planning;

/// <summary>Machines with GPUs and NICs that could be had together.</summary>
internal static class GroupMachines
{
    public const string Gpu = "10de:2204";
    public const string Nic = "15b3:1021";

    /// <summary>Each below a root port of its own.</summary>
    public static Machine NicAndGpu()
    {
        var machine = new Machine();
        Add(machine, "0000:41:00.0", Nic, 1, 0, "0000:40:01.0");
        Add(machine, "0000:43:00.0", Gpu, 2, 0, "0000:42:01.0");
        return machine;
    }

    public static void Add(Machine machine, string address, string ids, int group, int? node, params string[] path) =>
        machine.Function(
            address,
            group,
            ids == Gpu ? "nouveau" : "mlx5_core",
            ids,
            ids == Gpu ? 0x030000u : 0x020000u,
            flr: true,
            f => f with { NumaNode = node, Path = [.. path.Select(PciAddress.Parse)] }
        );

    /// <summary>Trees of machines that are sold (tests/Offering/RealMachines), with the NICs that belong to their GPUs.</summary>
    public static (HostInventory Inventory, Dictionary<PciAddress, string> Names) Sold(string name)
    {
        var machine = new Machine();
        var names = new Dictionary<PciAddress, string>();
        var group = 1;
        switch (name)
        {
            case "DGX-1":
                foreach (var (s, root) in new[] { "0000:00:02.0", "0000:00:03.0", "0000:80:02.0", "0000:80:03.0" }.Index())
                {
                    var upstream = $"0000:{(s < 2 ? 0 : 8)}{2 + s}:00.0";
                    var (bus, ports) = (0x10 + (s * 8) + (s < 2 ? 0 : 0x80), 0x0a + s + (s < 2 ? 0 : 0x80));
                    Put($"g{2 * s}", $"0000:{bus:x2}:00.0", Gpu, s / 2, root, upstream, $"0000:{ports:x2}:01.0");
                    Put($"g{(2 * s) + 1}", $"0000:{bus + 1:x2}:00.0", Gpu, s / 2, root, upstream, $"0000:{ports:x2}:02.0");
                    Put($"n{s}", $"0000:{bus + 2:x2}:00.0", Nic, s / 2, root, upstream, $"0000:{ports:x2}:03.0");
                }

                break;
            case "two sockets":
                Put("g0", "0000:1a:00.0", Gpu, 0, "0000:17:00.0");
                Put("g1", "0000:1b:00.0", Gpu, 0, "0000:18:00.0");
                Put("n0", "0000:1c:00.0", Nic, 0, "0000:17:01.0");
                Put("g2", "0000:b1:00.0", Gpu, 1, "0000:b0:00.0");
                Put("g3", "0000:b2:00.0", Gpu, 1, "0000:b0:01.0");
                Put("n1", "0000:b3:00.0", Nic, 1, "0000:b0:02.0");
                break;
            case "desktop":
                Put("g0", "0000:01:00.0", Gpu, null, "0000:00:01.0");
                Put("n0", "0000:03:00.0", Nic, null, "0000:00:1c.0");
                Put("n1", "0000:04:00.0", Nic, null, "0000:00:1c.4");
                break;
            default:
                Put("g0", "0000:19:00.0", Gpu, 0, "0000:16:00.0", "0000:17:00.0", "0000:18:00.0");
                Put("g1", "0000:26:00.0", Gpu, 0, "0000:16:00.0", "0000:17:00.0", "0000:18:08.0", "0000:24:00.0", "0000:25:00.0");
                Put("n0", "0000:27:00.0", Nic, 0, "0000:16:00.0", "0000:17:00.0", "0000:18:08.0", "0000:24:00.0", "0000:25:01.0");
                break;
        }

        return (machine.Build(), names);

        void Put(string as_, string address, string ids, int? node, params string[] path)
        {
            Add(machine, address, ids, group++, node, path);
            names.Add(PciAddress.Parse(address), as_);
        }
    }
}
