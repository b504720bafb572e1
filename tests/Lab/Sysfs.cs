using System.Text;
using Hostdev.Crds;

namespace Hostdev.Tests.Lab;

/// <summary>
/// The node's devices by hand: raw reads and writes of sysfs that share no code with the agent, so that a test can set up and judge what
/// the agent does.
/// </summary>
internal static class Sysfs
{
    public const string Devices = "/sys/bus/pci/devices";

    public static PciAddress Address(string shortAddress) => PciAddress.Parse("0000:" + shortAddress);

    public static string Path(PciAddress address, string attribute) => $"{Devices}/{address}/{attribute}";

    public static string Read(PciAddress address, string attribute) => File.ReadAllText(Path(address, attribute)).Trim();

    /// <summary>The name of what a link of the device points to (driver, iommu_group, physfn), or null.</summary>
    public static string? Link(PciAddress address, string name) =>
        new DirectoryInfo(Path(address, name)).LinkTarget is { } target ? System.IO.Path.GetFileName(target) : null;

    public static string? Driver(PciAddress address) => Link(address, "driver");

    public static string Group(PciAddress address) =>
        Link(address, "iommu_group") ?? throw new InvalidOperationException($"{address} has no IOMMU group: the node has no IOMMU");

    public static string GroupPath(PciAddress address) => $"/dev/vfio/{Group(address)}";

    public static string CdevPath(PciAddress address) =>
        $"/dev/vfio/devices/{System.IO.Path.GetFileName(Directory.GetDirectories(Path(address, "vfio-dev")).Single())}";

    public static IReadOnlyList<string> GroupMembers(PciAddress address) =>
        [
            .. Directory
                .GetDirectories(Path(address, "iommu_group/devices"))
                .Select(path => System.IO.Path.GetFileName(path)["0000:".Length..])
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>One write(2) on a file that exists; the kernel's refusal is thrown with its errno.</summary>
    public static void Write(string path, string value)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        file.Write(Encoding.ASCII.GetBytes(value));
    }

    public static void Write(PciAddress address, string attribute, string value) => Write(Path(address, attribute), value);

    /// <summary>Takes a function from whatever driver it has and gives it to another, by driver_override.</summary>
    public static void Bind(PciAddress address, string driver)
    {
        Write(address, "driver_override", driver);
        Release(address);
    }

    /// <summary>Takes the override away: the function goes to the driver that the kernel would choose, or to none.</summary>
    public static void Unbind(PciAddress address)
    {
        Write(address, "driver_override", "\n");
        Release(address);
    }

    private static void Release(PciAddress address)
    {
        if (Driver(address) is not null)
            Write(address, "driver/unbind", address.ToString());
        Write("/sys/bus/pci/drivers_probe", address.ToString());
    }

    /// <summary>
    /// Puts functions back as the node booted with them, whatever a test left: no override, no virtual functions, autoprobe on.
    /// </summary>
    public static void Restore(params IEnumerable<PciAddress> functions)
    {
        foreach (var function in functions)
        {
            if (File.Exists(Path(function, "sriov_numvfs")))
                RemoveVirtualFunctions(function);
            if (Read(function, "driver_override") != "(null)")
                Unbind(function);
        }
    }

    /// <summary>Makes virtual functions that no host driver picks up, which is quick; returns the first.</summary>
    public static PciAddress MakeVirtualFunctions(PciAddress physicalFunction, int count)
    {
        Write(physicalFunction, "sriov_drivers_autoprobe", "0");
        Write(physicalFunction, "sriov_numvfs", count.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return PciAddress.Parse(
            Link(physicalFunction, "virtfn0") ?? throw new InvalidOperationException($"{physicalFunction} made no virtual function")
        );
    }

    public static void RemoveVirtualFunctions(PciAddress physicalFunction)
    {
        Write(physicalFunction, "sriov_numvfs", "0");
        Write(physicalFunction, "sriov_drivers_autoprobe", "1");
    }
}
