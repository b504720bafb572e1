using System.Collections.Immutable;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Scenarios.Sequences;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// One machine, on which what is there only for pods is brought about, given and given back, again and again: groups and functions that
/// are bound on allocation, mediated devices, types of vGPU on functions of the stand-in, a USB stick and a SCSI disk. Beside them are
/// a mediated device and a type of somebody else's.
/// </summary>
internal sealed class LateCrashRun : IDisposable
{
    private const string Port = "0000:45:00.0";
    private const string Card = "0000:41:00.0";
    private const string ForeignType = "0000:41:10.2";
    private const string ForeignMdev = "11111111-2222-4333-8444-555555555555";
    private const string Mdevs = "/sys/bus/mdev/devices";
    private const string Interface = "2-1:1.0";

    private static readonly string s_policies = Desired.Policies(
        Desired.HostDevice("dual", Port, "binding: OnAllocate", ", groupPolicy: AssignSiblings"),
        Desired.HostDevice("disk", "0000:84:00.0", "binding: OnAllocate"),
        Desired.Vfs(2, more: "priority: 1").Replace("resourceName:", "binding: OnAllocate, resourceName:", StringComparison.Ordinal),
        Desired.Mdevs("single", "mtty", "mtty-1", "mode: Static, count: 2"),
        Desired.Mdevs("double", "mtty", "mtty-2", "mode: OnDemand, max: 2"),
        Desired.Vgpus("vgpu", Card, "typeId: \"901\"", "mode: OnDemand, max: 2"),
        Desired.UsbDevice("stick", "serial: LABUSB0"),
        Desired.ScsiDevice("logical", "serial: LABSCSI0", "deviceFile: {uid: 107, gid: 107}")
    );

    private static readonly ImmutableArray<(string Resource, int Count)> s_asked =
    [
        ("dual", 1),
        ("disk", 1),
        ("vf", 2),
        ("single", 1),
        ("double", 2),
        ("vgpu", 2),
        ("stick", 1),
        ("logical", 1),
    ];

    private static readonly ImmutableArray<(string Function, string HostDriver)> s_given =
    [
        (Port, "e1000e"),
        ("0000:45:00.1", "e1000e"),
        ("0000:84:00.0", "nvme"),
        ("0000:81:10.0", "igbvf"),
        ("0000:81:10.2", "igbvf"),
    ];

    private static readonly ImmutableArray<string> s_typed = ["0000:41:10.0", ForeignType, "0000:41:10.4", "0000:41:10.6"];

    private readonly IScenarioNode _node;
    private readonly StillClock _clock = new();
    private readonly TreeSnapshot _before;

    public LateCrashRun(IScenarioNode node)
    {
        _node = node;
        node.LoadDriver("vgpu-standin");
        node.Write(($"{Device(Card)}/sriov_drivers_autoprobe", "0"), ($"{Device(Card)}/sriov_numvfs", $"{s_typed.Length}"));
        foreach (var function in s_typed)
            node.Write(($"{Device(function)}/driver_override", "vgpu-standin"), ("/sys/bus/pci/drivers_probe", function));
        node.Write(
            ($"{Device(ForeignType)}/nvidia/current_vgpu_type", "901"),
            ("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create", ForeignMdev)
        );
        Check("before the first", "host", ours: 0);
        _before = TreeSnapshot.TakeHostState(node.Machine.Paths);
    }

    /// <summary>What happened at the moment at which the last run was killed.</summary>
    public string KilledAt { get; private set; } = "";

    /// <param name="killAt">From 1; null for a run without a crash.</param>
    /// <returns>How many moments there were.</returns>
    public long Go(long? killAt)
    {
        var directory = Directory.CreateTempSubdirectory("hostdev-crash-").FullName;
        using var agent = new SteppedAgent(_node.Machine, _clock, directory);
        var kubelet = new SteppedKubelet(agent, _clock);
        KilledAt = "";
        agent.Start();
        if (killAt is { } moment)
            agent.KillAt(moment);
        try
        {
            agent.Desire(s_policies);
            Settle(agent, kubelet);
            Check("nothing is given", "host", ours: 2);
            foreach (var (resource, count) in s_asked)
                Admit(agent, kubelet, $"example.com/{resource}", count);
            Settle(agent, kubelet);
            _node.Write(("/sys/bus/usb/drivers/usb-storage/unbind", Interface)); // as its VMM does, which gives it back to nobody
            Check("all is given", "vm", ours: 4);

            foreach (var pod in kubelet.Pods.ToList())
                kubelet.Delete(pod);
            for (var look = 0; look < 3; look++)
            {
                Settle(agent, kubelet);
                _clock.Advance(TimeSpan.FromSeconds(70));
                kubelet.ReportPods();
            }

            Settle(agent, kubelet);
            Assert.Empty(agent.Host.Allocator.Ledger.ById);
            Check("the pods are gone", "host", ours: 2);
            agent.Desire(Desired.Nothing);
            Settle(agent, kubelet);
            Assert.Empty(agent.Ownership.Functions);
            Assert.Empty(agent.Ownership.Mdevs);
            Assert.Empty(agent.Ownership.Vgpus);
            Assert.Empty(agent.Ownership.Loans);
            Check("nothing is wanted", "host", ours: 0);
            Assert.Empty(TreeSnapshot.Diff(_before, TreeSnapshot.TakeHostState(_node.Machine.Paths)));
            Assert.Equal(killAt is null, KilledAt.Length == 0);
        }
        catch (Exception e) when (killAt is not null)
        {
            throw new InvalidOperationException($"killed at moment {killAt}, {agent.LastMoment}: {e.Message}", e);
        }

        var moments = agent.Moments;
        Directory.Delete(directory, recursive: true);
        return moments;
    }

    public void Dispose() => _node.Dispose();

    /// <summary>Until nothing changes and the kubelet has the lists; an agent that was killed starts again.</summary>
    private void Settle(SteppedAgent agent, SteppedKubelet kubelet)
    {
        do
        {
            if (!agent.IsRunning)
            {
                KilledAt = agent.LastMoment;
                kubelet.AgentGone();
                agent.Start();
            }

            kubelet.ReportPods();
        } while (!agent.Settle());
        kubelet.SendLists();
        kubelet.Check();
    }

    /// <summary>As a controller does: a pod that is refused, or whose agent died, is made again.</summary>
    private void Admit(SteppedAgent agent, SteppedKubelet kubelet, string resource, int count)
    {
        var cause = "";
        for (var attempt = 0; attempt < 4; attempt++)
        {
            (var pod, cause) = kubelet.Admit($"vm-{resource.Split('/')[1]}-{attempt}", resource, count);
            if (pod is not null)
                return;
            Settle(agent, kubelet);
        }

        Assert.Fail($"no pod gets {count} of {resource}: {cause}");
    }

    private void Check(string when, string whose, int ours)
    {
        var drivers = s_given.Select(f => DriverOf(f.Function));
        // The virtual functions are made for the policy, and not there before.
        var wanted = s_given.Select(f =>
            whose == "vm" ? "vfio-pci"
            : ours == 0 && f.HostDriver == "igbvf" ? null
            : f.HostDriver
        );
        Assert.Equal($"{when}: {string.Join(", ", wanted)}", $"{when}: {string.Join(", ", drivers)}");
        Assert.Equal($"{when}: {(whose == "vm" ? "" : "usb-storage")}", $"{when}: {LinkName($"/sys/bus/usb/devices/{Interface}/driver")}");
        var owner = _node.Machine.Calls.ReadOwner("/dev/sg0").Owner.Uid;
        Assert.Equal($"{when}: {(whose == "vm" ? 107 : 0)}", $"{when}: {owner}");
        var types = s_typed.Select(f => f == ForeignType || (whose == "vm" && s_typed.IndexOf(f) <= 2) ? "901" : "0");
        Assert.Equal(
            $"{when}: {string.Join(", ", types)}",
            $"{when}: {string.Join(", ", s_typed.Select(f => Read($"{Device(f)}/nvidia/current_vgpu_type")))}"
        );
        var mdevs = Directory.EnumerateFileSystemEntries(_node.Machine.Paths.Resolve(Mdevs)).Select(p => Path.GetFileName(p)).ToList();
        Assert.Contains(ForeignMdev, mdevs);
        Assert.True(mdevs.Count == ours + 1, $"{when}: there are {mdevs.Count} mediated devices with somebody else's, and not {ours + 1}");
    }

    private string Read(string path) => File.ReadAllText(_node.Machine.Paths.Resolve(path)).Trim();

    private string? DriverOf(string function) => LinkName($"{Device(function)}/driver");

    private string? LinkName(string path) => Path.GetFileName(new DirectoryInfo(_node.Machine.Paths.Resolve(path)).LinkTarget);

    private static string Device(string function) => $"/sys/bus/pci/devices/{function}";
}
