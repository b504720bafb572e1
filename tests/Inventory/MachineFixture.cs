using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning.Inventory;

namespace Hostdev.Tests.Inventory;

/// <summary>
/// A machine as a directory tree, built from a description in <c>testdata/machines</c>. One line is one thing:
/// <code>
/// # a comment
/// [/sys/devices/pci0000:00/0000:00:1f.0]   what follows is in this directory; the first section is the root
/// @ /sys/bus/usb/devices                   an index with a link to this directory
/// name = text                              a file; \n and \t in the text are a new line and a tab
/// name -> /sys/somewhere                   a relative link, as sysfs makes them; a directory is made where nothing is
/// name ~> /nowhere                         a link to what is not there
/// name/                                    an empty directory
/// function = 8086:10c9 1af4:1100 020000    a PCI function: ids, class and what nearly every function has, and its place in the bus's index
/// driver = igb                             a link to that PCI driver
/// group = 5                                a link to that IOMMU group, and the group's own files
/// </code>
/// </summary>
internal sealed class MachineFixture : IDisposable
{
    /// <summary>In memory where there is such a place: a machine is hundreds of small files.</summary>
    private readonly string root = Directory
        .CreateDirectory(Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"machine-{Guid.NewGuid():N}"))
        .FullName;

    private string section = "";

    private MachineFixture() { }

    public HostPaths Paths => new(root);

    public static MachineFixture Load(string name) =>
        Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "testdata", "machines", name + ".txt")));

    public static string CaseFile(string name, string file) => File.ReadAllText(CasePath(name, file));

    public static bool HasCaseFile(string name, string file) => File.Exists(CasePath(name, file));

    private static string CasePath(string name, string file) => Path.Combine(AppContext.BaseDirectory, "testdata", "cases", name, file);

    public static MachineFixture Parse(string description)
    {
        var machine = new MachineFixture();
        foreach (var line in description.Split('\n'))
            machine.Apply(line.Trim());
        return machine;
    }

    public HostInventory Read(TimeSpan? blockingDeadline = null) =>
        new InventoryReader(Paths, TimeProvider.System, blockingDeadline: blockingDeadline).Read();

    /// <summary>Applies more lines of the description.</summary>
    public void Change(string lines)
    {
        foreach (var line in lines.Split('\n'))
            Apply(line.Trim());
    }

    public string Resolve(string hostPath) => Paths.Resolve(hostPath);

    public void Delete(string hostPath)
    {
        var path = Resolve(hostPath);
        if (Directory.Exists(path) && new DirectoryInfo(path).LinkTarget is null)
            Directory.Delete(path, recursive: true);
        else
            File.Delete(path);
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    private void Apply(string line)
    {
        if (line.Length == 0 || line[0] == '#')
            return;
        if (line[0] == '[')
            Enter(line.Trim('[', ']'));
        else if (line[0] == '@')
            Link($"{line[1..].Trim()}/{Path.GetFileName(section)}", section);
        else if (line.Split(" -> ", 2) is [var link, var target])
            Link(Absolute(link.Trim()), target.Trim());
        else if (line.Split(" ~> ", 2) is [var dangling, var nowhere])
            File.CreateSymbolicLink(Make(Absolute(dangling.Trim())), nowhere.Trim());
        else if (line.Split('=', 2) is [var name, var value])
            Set(name.Trim(), value.Trim());
        else
            Directory.CreateDirectory(Resolve(Absolute(line.TrimEnd('/'))));
    }

    private void Enter(string path)
    {
        section = path;
        Directory.CreateDirectory(Resolve(path));
    }

    private void Set(string name, string value)
    {
        switch (name)
        {
            case "function":
                AddFunction(value.Split(' '));
                break;
            case "driver" when section.Contains("/pci", StringComparison.Ordinal):
                Link(Absolute("driver"), $"/sys/bus/pci/drivers/{value}");
                break;
            case "group":
                AddToGroup(value);
                break;
            default:
                File.WriteAllText(
                    Make(Absolute(name)),
                    value.Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\t", "\t", StringComparison.Ordinal) + "\n"
                );
                break;
        }
    }

    private void AddFunction(string[] words)
    {
        var (ids, subsystem) = (words[0].Split(':'), words[1].Split(':'));
        Change(
            $"""
            vendor = 0x{ids[0]}
            device = 0x{ids[1]}
            subsystem_vendor = 0x{subsystem[0]}
            subsystem_device = 0x{subsystem[1]}
            class = 0x{words[2]}
            driver_override = (null)
            reset_method = pm
            numa_node = -1
            resource = 0x0000000000000000 0x0000000000000000 0x0000000000000000
            @ /sys/bus/pci/devices
            """
        );
    }

    private void AddToGroup(string number)
    {
        var group = $"/sys/kernel/iommu_groups/{number}";
        Link(Absolute("iommu_group"), group);
        if (!File.Exists(Resolve($"{group}/type")))
            File.WriteAllText(Make($"{group}/type"), "DMA\n");
        Link($"{group}/devices/{Path.GetFileName(section)}", section);
    }

    private void Link(string from, string to)
    {
        var target = to.StartsWith('/') ? to : Path.GetFullPath(to, Path.GetDirectoryName(from)!);
        if (!Path.Exists(Resolve(target)))
            Directory.CreateDirectory(Resolve(target));
        File.CreateSymbolicLink(Make(from), Path.GetRelativePath(Path.GetDirectoryName(from)!, target));
    }

    private string Absolute(string name) => name.StartsWith('/') ? name : $"{section}/{name}";

    private string Make(string hostPath)
    {
        var path = Resolve(hostPath);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (File.Exists(path) || new FileInfo(path).LinkTarget is not null)
            File.Delete(path);
        return path;
    }
}
