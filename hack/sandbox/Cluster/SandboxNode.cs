using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Microsoft.Extensions.Logging;

namespace Hostdev.Sandbox.Cluster;

/// <summary>
/// One node: a simulated machine, a simulated kubelet on real sockets, VMs, and the real agent. Its files lie in <see cref="Directory"/>.
/// </summary>
public class SandboxNode : IAsyncDisposable
{
    /// <summary>The namespace of VMs' pods.</summary>
    public const string Namespace = "vms";

    /// <summary>How long it takes here until a device counts as returned; 10 s and 60 s in production.</summary>
    public static readonly ReleaseProof ShortProof = new()
    {
        Absence = TimeSpan.FromSeconds(0.5),
        UnseenGrace = TimeSpan.FromSeconds(3),
        KubeletUptime = TimeSpan.FromSeconds(1),
        CheckpointRefresh = TimeSpan.FromSeconds(1),
    };

    private ImmutableDictionary<(string Namespace, string Pod), Vm> _vms = ImmutableDictionary<(string, string), Vm>.Empty;
    private int _vmms;
    private AgentProcess? _agent;

    /// <param name="directory">Made when it is not there. Sockets lie below, and their paths have 107 bytes at most.</param>
    public SandboxNode(SimulatedKernel kernel, string directory)
    {
        (Kernel, Directory) = (kernel, directory);
        System.IO.Directory.CreateDirectory(Directory);
        Kubelet = new SimulatedKubelet(Path.Combine(Directory, "kubelet", "device-plugins"), TimeProvider.System);
    }

    public SimulatedKernel Kernel { get; }

    public SimulatedKubelet Kubelet { get; }

    public string Directory { get; }

    public string LogFile => Path.Combine(Directory, "agent.log");

    public string StateDirectory => Path.Combine(Directory, "state");

    /// <summary>The VMs that run, by the names of their pods.</summary>
    public IEnumerable<KeyValuePair<string, SimulatedProcess>> Vms => _vms.Select(v => KeyValuePair.Create(v.Key.Pod, v.Value.Vmm));

    public bool AgentRuns => _agent is not null;

    /// <summary>The agent that runs.</summary>
    public AgentHost Agent => _agent?.Host ?? throw new InvalidOperationException("no agent runs");

    /// <summary>Starts an agent on this machine.</summary>
    /// <param name="options">What it follows; the places of the machine are filled in.</param>
    /// <param name="clock">The machine's; by default this one's.</param>
    public void StartAgent(AgentOptions options, TimeProvider? clock = null)
    {
        System.IO.Directory.CreateDirectory(StateDirectory);
        _agent = AgentProcess.Start(
            this,
            options with
            {
                StateDirectory = StateDirectory,
                KubeletDirectory = Kubelet.Directory,
                PodResourcesSocket = Kubelet.PodResourcesSocket,
                Timings = new AgentTimings
                {
                    WhileWaiting = TimeSpan.FromSeconds(0.3),
                    PodResources = TimeSpan.FromSeconds(0.3),
                    ReleaseProof = ShortProof,
                },
            },
            clock ?? TimeProvider.System
        );
    }

    /// <summary>The agent will be killed right after its <paramref name="nth"/> write from now took effect. The task ends when it is dead,
    /// with that write.</summary>
    public Task<LoggedWrite> KillAgentAfterWrite(int nth) => _agent!.KillAfterWrite(Kernel, nth);

    /// <summary>Admits a VM's pod; when it runs, its VMM opens every device it was given, as QEMU does.</summary>
    public Task<SimulatedPod> StartVmAsync(string name, params ImmutableArray<DeviceRequest> requests) =>
        StartVmAsync(Namespace, name, requests);

    /// <summary>The same in any namespace; of a pod that asks for nothing the VMM opens nothing.</summary>
    public async Task<SimulatedPod> StartVmAsync(string ns, string name, ImmutableArray<DeviceRequest> requests) =>
        RunVmm(await Kubelet.AdmitPodAsync(ns, name, [.. requests]));

    /// <summary>Starts the container of an admitted pod again, and its VMM with it.</summary>
    public async Task<SimulatedPod> RestartVmAsync(string ns, string name) => RunVmm(await Kubelet.RestartContainerAsync(ns, name));

    /// <summary>Whether the VM could open this function through one of its groups.</summary>
    public bool Reaches(string vm, string address)
    {
        foreach (var group in _vms[(Namespace, vm)].Groups)
        {
            using var device = group.OpenDevice(address).File;
            if (device is not null)
                return true;
        }

        return false;
    }

    /// <summary>The VM shuts down: its VMM closes everything, and the pod is deleted.</summary>
    public void EndVm(string name, string ns = Namespace)
    {
        if (ImmutableInterlocked.TryRemove(ref _vms, (ns, name), out var vm))
            vm.Vmm.Exit();
        Kubelet.DeletePod(ns, name);
    }

    private SimulatedPod RunVmm(SimulatedPod pod)
    {
        if (pod.Phase != PodPhase.Running)
            return pod;
        var vmm = Kernel.Processes.Start("qemu-system-x86", $"mnt:[{4026532000 + Interlocked.Increment(ref _vmms)}]");
        var ids = pod.Devices.Values.SelectMany(ids => ids).Where(IsVfio);
        try
        {
            var vm = new Vm(vmm, [.. ids.Select(id => TakeGroup(vmm, id))]);
            ImmutableInterlocked.Update(ref _vms, vms => vms.SetItem((pod.Namespace, pod.Name), vm));
        }
        catch (InvalidOperationException)
        {
            vmm.Exit();
            throw;
        }

        foreach (var node in pod.DeviceNodes.Where(n => !n.StartsWith("/dev/vfio/", StringComparison.Ordinal)))
            vmm.OpenPlain(node);
        return pod;
    }

    /// <summary>A token stands for a device that the pod has by another resource.</summary>
    private static bool IsVfio(string id) => !TokenId.Is(id) && DeviceId.Parse(id) is not (DeviceId.OfUsb or DeviceId.OfScsi);

    /// <summary>As a VMM does: the group, its container, the device. VFIO refuses a group that the host still has a part of.</summary>
    private SimulatedGroupFile TakeGroup(SimulatedProcess vmm, string id)
    {
        var (error, group) = vmm.OpenGroup(Kernel.GroupOf(id)!.Value);
        if (group is null)
            throw new InvalidOperationException($"the VMM opens the group of {id}: {error}");
        var attached = group.SetContainer();
        if (!attached.IsSuccess)
            throw new InvalidOperationException($"the VMM attaches the group of {id}: {attached}");
        var (deviceError, device) = group.OpenDevice(id);
        return device is not null ? group : throw new InvalidOperationException($"the VMM opens {id}: {deviceError}");
    }

    public virtual async Task StopAgentAsync()
    {
        if (_agent is not null)
            await _agent.DisposeAsync();
        _agent = null;
    }

    /// <summary>
    /// The agent's end by a crash of the machine: its state directory is as it was the moment before, without what an orderly end writes.
    /// </summary>
    public async Task CrashAgentAsync()
    {
        var files = System
            .IO.Directory.GetFiles(StateDirectory)
            .Where(f => !f.EndsWith(".new", StringComparison.Ordinal) && new FileInfo(f).Length > 0)
            .ToDictionary(f => f, File.ReadAllBytes);
        await StopAgentAsync();
        foreach (var file in System.IO.Directory.GetFiles(StateDirectory))
            File.Delete(file);
        foreach (var (file, content) in files)
            await File.WriteAllBytesAsync(file, content);
    }

    public virtual async ValueTask DisposeAsync()
    {
        await StopAgentAsync();
        await Kubelet.DisposeAsync();
        Kernel.Dispose();
        GC.SuppressFinalize(this);
    }

    private sealed record Vm(SimulatedProcess Vmm, ImmutableArray<SimulatedGroupFile> Groups);

    /// <summary>One life of the agent.</summary>
    private sealed class AgentProcess : IAsyncDisposable
    {
        private readonly CancellationTokenSource _end = new();
        private readonly FileLog _log;
        private readonly ILoggerFactory _loggers;
        private readonly Task _run;

        private AgentProcess(SandboxNode node, AgentOptions options, TimeProvider clock)
        {
            _log = new FileLog(node.LogFile, TimeProvider.System);
            _loggers = LoggerFactory.Create(b => b.AddProvider(_log));
            Host = AgentHost.Open(
                new AgentMachine(node.Kernel.Paths, node.Kernel.Calls, node.Kernel.OpenUevents),
                options,
                clock,
                _loggers
            );
            _run = Task.Run(() => Host.RunAsync(_end.Token));
        }

        public AgentHost Host { get; }

        public static AgentProcess Start(SandboxNode node, AgentOptions options, TimeProvider clock) => new(node, options, clock);

        public async Task<LoggedWrite> KillAfterWrite(SimulatedKernel kernel, int nth)
        {
            var killed = new TaskCompletionSource<LoggedWrite>(TaskCreationOptions.RunContinuationsAsynchronously);
            kernel.Faults.AfterWrite(
                nth,
                () =>
                {
                    // What a killed process leaves: nothing more in the log, in the journal or on the machine, and its locks are open.
                    _log.Dispose();
                    Host.Journal.Dispose();
                    _ = _end.CancelAsync();
                    killed.SetResult(kernel.Writes.All[^1]);
                    throw new AgentKilledException();
                }
            );
            var last = await killed.Task;
            await DisposeAsync();
            return last;
        }

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Host.DisposeAsync();
            _loggers.Dispose();
            _log.Dispose();
        }
    }
}
