using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Host;
using Spectre.Console.Rendering;

namespace Hostdev.Sandbox.Demo;

/// <param name="VfIndex">On its physical function; null for what is none.</param>
/// <param name="Resource">Under which name the kubelet has it now; null when it does not.</param>
/// <param name="Vm">Who has it, by the kubelet's word.</param>
/// <param name="Remark">What the agent says of it in one word or a few; null when nothing.</param>
internal sealed record DeviceRow(
    string Address,
    string Name,
    int? VfIndex,
    string? Driver,
    string? Group,
    string? Resource,
    string? Vm,
    string? Remark
)
{
    public bool IsTaken => Driver is "vfio-pci" or "pci-stub";
}

internal sealed record ResourceRow(string Name, int Capacity, int Allocatable, ImmutableArray<string> Holders);

/// <summary>A node as its own files and its kubelet show it, with what the agent says beside it.</summary>
internal sealed record NodeReading(
    ImmutableArray<DeviceRow> Devices,
    ImmutableArray<MdevRow> Mdevs,
    ImmutableArray<ResourceRow> Resources,
    ImmutableArray<StatusProblem> Problems
) : IPicture
{
    private const string PciDevices = "/sys/bus/pci/devices";

    public static ImmutableArray<string> ResourceNames { get; } =
    [
        DemoPolicies.GpuResource,
        DemoPolicies.NicResource,
        DemoPolicies.DiskResource,
        DemoPolicies.StorageVfs,
        DemoPolicies.TenantVfs,
        DemoPolicies.LentVfs,
        DemoPolicies.Vgpus,
        DemoPolicies.DeskVgpus,
    ];

    public static NodeReading Take(DemoNode node, StatusReading status)
    {
        var paths = node.Kernel.Paths;
        var listed = ResourceNames
            .SelectMany(r => node.Kubelet.Devices(r).Where(d => d.Healthy).Select(d => (Resource: r, d.Id)))
            .ToLookup(d => d.Id, d => d.Resource);
        var pods = node
            .Kubelet.Pods.SelectMany(p => p.Devices.SelectMany(d => d.Value.Select(id => (Id: id, p.Name, Resource: d.Key))))
            .ToLookup(p => p.Id);
        var rows = Functions(paths)
            .Select(address => new DeviceRow(
                address,
                NameOf(paths, address),
                VfIndex(paths, address),
                DriverOf(paths, address),
                Link(paths, address, "iommu_group"),
                listed[address].FirstOrDefault(),
                pods[address].Select(p => p.Name).FirstOrDefault(),
                status.Problems.Where(p => p.Device == address).Select(Remark).FirstOrDefault()
            ))
            .ToImmutableArray();
        var units = rows.Where(r => r.Resource is not null || r.Vm is not null).ToLookup(r => r.Group);
        rows =
        [
            .. rows.Select(r =>
                r is { IsTaken: true, Resource: null, Remark: null } && units[r.Group].FirstOrDefault() is { } unit && unit != r
                    ? r with
                    {
                        Remark = $"with {unit.Address}",
                    }
                    : r
            ),
        ];
        var mdevs = MdevRow
            .Read(paths)
            .Select(m => m with { Resource = listed[m.Uuid].FirstOrDefault(), Vm = pods[m.Uuid].Select(p => p.Name).FirstOrDefault() });
        var resources = ResourceNames
            .Where(r => node.Kubelet.Capacity(r) is not null)
            .Select(r => new ResourceRow(
                r,
                node.Kubelet.Capacity(r) ?? 0,
                node.Kubelet.Allocatable(r) ?? 0,
                [.. pods.SelectMany(p => p).Where(p => p.Resource == r).Select(p => $"{p.Name}: {p.Id}")]
            ));
        return new NodeReading(rows, [.. mdevs], [.. resources], status.Problems);
    }

    /// <summary>Every PCI function that is no bridge, by address.</summary>
    public static IEnumerable<string> Functions(HostPaths paths) =>
        Directory
            .EnumerateFileSystemEntries(paths.Resolve(PciDevices))
            .Select(p => Path.GetFileName(p))
            .Where(a => !Read(paths, a, "class").StartsWith("0x06", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    public static string? DriverOf(HostPaths paths, string address) => Link(paths, address, "driver");

    public static bool Exists(HostPaths paths, string address) => Directory.Exists(paths.Resolve($"{PciDevices}/{address}"));

    public static bool IsVirtual(HostPaths paths, string address) => Link(paths, address, "physfn") is not null;

    /// <summary>The addresses of the virtual functions by index.</summary>
    public static ImmutableArray<string> VirtualFunctions(HostPaths paths, string physical) =>
        [
            .. Enumerable
                .Range(0, 64)
                .Select(i => Link(paths, physical, string.Create(CultureInfo.InvariantCulture, $"virtfn{i}")))
                .TakeWhile(a => a is not null)
                .Select(a => a!),
        ];

    /// <summary>An attribute's text; empty when there is none.</summary>
    public static string Read(HostPaths paths, string address, string attribute)
    {
        try
        {
            return File.ReadAllText(paths.Resolve($"{PciDevices}/{address}/{attribute}")).Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static string? Link(HostPaths paths, string address, string name) =>
        new FileInfo(paths.Resolve($"{PciDevices}/{address}/{name}")).LinkTarget is { } target ? Path.GetFileName(target) : null;

    private static int? VfIndex(HostPaths paths, string address) =>
        Link(paths, address, "physfn") is { } physical && VirtualFunctions(paths, physical).IndexOf(address) is >= 0 and var index
            ? index
            : null;

    private static string NameOf(HostPaths paths, string address)
    {
        string Id(string attribute) => Read(paths, address, attribute) is { Length: 6 } text ? text[2..] : "";
        return DemoMachine.NameOf(Id("vendor"), Id("device"));
    }

    private static string? Remark(StatusProblem problem) =>
        problem.State == FindingState.Held ? problem.Message.Split(" (")[0]
        : problem.State == FindingState.Releasing ? "goes back when let go"
        : problem.State == FindingState.Waiting ? "waits"
        : problem.State == FindingState.Blocked ? $"blocked: {problem.Reason}"
        : null;

    public IRenderable Render(int width, bool together) => NodeTable.Render(this, width, together);

    public IEnumerable<string> ChangesTo(IPicture after) => after is NodeReading later ? Changes(this, later) : [];

    private static IEnumerable<string> Changes(NodeReading before, NodeReading after)
    {
        var old = before.Devices.ToDictionary(d => d.Address, d => d.Driver ?? "no driver");
        var now = after.Devices.ToDictionary(d => d.Address, d => d.Driver ?? "no driver");
        var drivers =
            from address in old.Keys.Union(now.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
            let change = $"{old.GetValueOrDefault(address, "new")} -> {now.GetValueOrDefault(address, "gone")}"
            where old.GetValueOrDefault(address) != now.GetValueOrDefault(address)
            group address by change;
        foreach (var change in drivers)
            yield return $"{change.Key}: {string.Join(", ", change)}";
        foreach (var made in after.Mdevs.ExceptBy(before.Mdevs.Select(m => m.Uuid), m => m.Uuid))
            yield return $"made on {made.Parent}: {made.Type} {made.Uuid}";
        foreach (var removed in before.Mdevs.ExceptBy(after.Mdevs.Select(m => m.Uuid), m => m.Uuid))
            yield return $"removed from {removed.Parent}: {removed.Type} {removed.Uuid}";
        foreach (var name in NodeReading.ResourceNames)
        {
            var (was, has) = (Amount(before, name), Amount(after, name));
            if (was != has)
                yield return $"{name}: {was} -> {has} allocatable";
        }
    }

    private static string Amount(NodeReading reading, string resource) =>
        reading.Resources.FirstOrDefault(r => r.Name == resource) is { } row ? $"{row.Allocatable} of {row.Capacity}" : "none";
}
