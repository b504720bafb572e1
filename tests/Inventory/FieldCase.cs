using System.Globalization;
using Hostdev.Crds;
using Hostdev.Crds.Parsing;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;

namespace Hostdev.Tests.Inventory;

/// <summary>
/// A report from the field in <c>testdata/cases/NAME</c>, read as <c>plan</c> and <c>explain</c> read a host: its machine, who uses what
/// there, and what is desired. Beside a <c>machine.txt</c> a <c>machine.net</c> says what rtnetlink would, a line each:
/// <c>addr eno1 192.0.2.10/24</c>, <c>route eno1 198.51.100.0/24</c>.
/// </summary>
internal sealed class FieldCase : IDisposable
{
    private const string AnyHost = """
        [/proc]
        sys/kernel/osrelease = 6.8.0-60-generic
        sys/kernel/arch = x86_64
        sys/kernel/random/boot_id = 0f7c1f7e-5d8e-4d4b-9f0e-0c8d8ad1b9f1
        cmdline = root=/dev/sda2 ro intel_iommu=on iommu=pt
        interrupts =            CPU0\n   0:         96  IR-IO-APIC   2-edge      timer
        swaps = Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
        1/comm = systemd
        1/ns/mnt ~> mnt:[4026531840]
        1/mountinfo = 22 1 0:21 / /run rw - tmpfs tmpfs rw
        1/fd/
        [/sys/bus/pci/drivers]
        vfio-pci/
        pci-stub/

        """;

    private readonly string name;
    private readonly string? network;

    private FieldCase(string name, string machine)
    {
        this.name = name;
        Machine = MachineFixture.Parse(MachineFixture.CaseFile(name, machine));
        var networkFile = Path.ChangeExtension(machine, ".net");
        network = MachineFixture.HasCaseFile(name, networkFile) ? MachineFixture.CaseFile(name, networkFile) : null;
    }

    private FieldCase(MachineFixture machine)
    {
        name = "";
        Machine = machine;
    }

    public MachineFixture Machine { get; }

    public static FieldCase Load(string name, string machine = "machine.txt") => new(name, machine);

    /// <summary>A machine of a report's kind: these devices, in the same grammar, on a host with all that passthrough needs.</summary>
    public static FieldCase Described(string devices) => new(MachineFixture.Parse(AnyHost + devices));

    /// <summary>What a file of the case asks for, on its machine.</summary>
    public PlanningInput Input(string desired = "desired.yaml")
    {
        var spec = NodeDeviceStateReader.Read(MachineFixture.CaseFile(name, desired), out var error) ?? throw new FormatException(error);
        return Input([.. spec.Policies.Select(p => new EffectivePolicy(p, null))]);
    }

    /// <summary>What these policies ask for, on its machine.</summary>
    public PlanningInput Input(params ReadOnlySpan<EffectivePolicy> policies)
    {
        var inventory = Machine.Read();
        return new PlanningInput
        {
            Inventory = inventory,
            Policies = [.. policies],
            Usage = new UsageReader(Machine.Paths, new Calls(Machine, network), new NoPods()).Read(inventory),
            Ownership = Ownership.None,
        };
    }

    public void Dispose() => Machine.Dispose();

    private sealed class NoPods : IPodUsage
    {
        public System.Collections.Immutable.ImmutableArray<DeviceUser> UsersOf(DeviceId device) => [];
    }

    /// <summary>A host that can only be looked at: nodes have the numbers that its sysfs names.</summary>
    private sealed class Calls(MachineFixture machine, string? network) : IHostCalls
    {
        public FileLook Look(string path)
        {
            if (new FileInfo(machine.Resolve(path)).LinkTarget is { Length: > 0 } target)
            {
                return target.StartsWith("anon_inode:", StringComparison.Ordinal)
                    ? new FileLook(Errno.None, FileKind.Anonymous, null, 0, 0)
                    : Look(Path.GetFullPath(target, Path.GetDirectoryName(path)!));
            }

            var block = machine.Resolve($"/sys/class/block/{Path.GetFileName(path)}/dev");
            if (!path.StartsWith("/dev/", StringComparison.Ordinal) || !File.Exists(block))
                return FileLook.Failed(Errno.ENOENT);
            uint[] number = [.. File.ReadAllText(block).Trim().Split(':').Select(n => uint.Parse(n, CultureInfo.InvariantCulture))];
            return new FileLook(Errno.None, FileKind.Device, new DeviceNumber(true, number[0], number[1]), 0, 0);
        }

        public bool? IsOnSysfs(string path) => null;

        public BelowLook ReadBelow(string directory, string file) => new(Errno.ENOENT, 0, null);

        public VfReading ReadVfs(string physicalFunction) => VfReading.Failed(Errno.ENODEV);

        public NetworkReading ReadNetwork()
        {
            var lines = (network ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' '));
            return new NetworkReading.Read(
                NetworkState.Empty with
                {
                    Addresses = [.. lines.Where(l => l[0] == "addr").Select(l => new InterfaceAddress(l[1], l[2], LinkLocal: false))],
                    Routes =
                    [
                        .. lines
                            .Where(l => l[0] == "route")
                            .Select(l => new InterfaceRoute(l[1], l[2], Table: 254, ByKernel: false, LinkLocal: false)),
                    ],
                }
            );
        }

        public Errno WriteAttribute(string path, string value) => throw new NotSupportedException();

        public Errno WriteBelow(string directory, string file, string value) => throw new NotSupportedException();

        public OpenResult Open(string path, OpenIntent intent) => throw new NotSupportedException();

        public NodeOwnerResult ReadOwner(string path) => throw new NotSupportedException();

        public Errno SetVf(string physicalFunction, string setting, string value) => throw new NotSupportedException();

        public IKernelLog FollowKernelLog() => throw new NotSupportedException();

        public Errno SetOwner(string path, NodeOwner owner) => throw new NotSupportedException();
    }
}
