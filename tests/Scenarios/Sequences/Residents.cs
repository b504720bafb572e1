using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>Those who use devices: pods with their VMs, other programs, mounts, addresses.</summary>
internal sealed class Residents(SimulatedKernel kernel, Uses uses, Lent lent, SteppedKubelet kubelet, Random random, Action<string> tell)
{
    private readonly Dictionary<string, Use> _pods = new(StringComparer.Ordinal); // what a pod was given, from the answer on
    private int _count;

    public void Admit()
    {
        if (kubelet.Offering is not { Length: > 0 } resources)
            return;
        var resource = resources[random.Next(resources.Length)];
        AdmitFor(resource, random.Next(4) == 0 ? 2 : 1);
    }

    public void DeletePod()
    {
        if (AnyPod() is not { } pod)
            return;
        tell($"{pod.Name} is deleted");
        EndVm(pod.Name);
        kubelet.Delete(pod);
        uses.Forget(_pods[pod.Name]);
    }

    /// <summary>The pod is gone from the kubelet at once; its VM runs on for a while.</summary>
    public void ForceDeletePod()
    {
        if (AnyPod() is not { } pod)
            return;
        tell($"{pod.Name} is deleted by force, its VM lives on");
        kubelet.Delete(pod);
        uses.Forget(_pods[pod.Name]);
    }

    /// <summary>The VM ends and the same container starts again, with the answer it got before.</summary>
    public void RestartContainer()
    {
        if (AnyPod() is not { } pod)
            return;
        EndVm(pod.Name);
        var problem = kubelet.CheckStart(pod);
        tell($"the container of {pod.Name} restarts{(problem is null ? "" : $": refused, {problem}")}");
        if (problem is null)
            StartVm(pod, "what was said to be the same device");
    }

    /// <summary>A program of somebody's takes a group that is there to be taken.</summary>
    public void Hold()
    {
        var groups = FreeGroups();
        if (groups.Count > 0)
            TryHold(groups[random.Next(groups.Count)]);
    }

    public void LetGo()
    {
        var ending = uses.All.Where(u => !_pods.ContainsValue(u)).ToList();
        if (ending.Count == 0)
            return;
        var use = ending[random.Next(ending.Count)];
        tell($"no more: {use.What}");
        uses.End(use);
    }

    public void Mount() => TryMount(SequenceMachine.DiskFunction);

    public void AddAddress()
    {
        var function = SequenceMachine.NetworkFunctions[random.Next(SequenceMachine.NetworkFunctions.Length)];
        if (InterfaceOf(function) is not { } name)
            return;
        var address = $"192.0.2.{++_count % 250}/24";
        tell($"{name} of {function} gets {address}");
        kernel.Network.AddAddress(name, address);
        void Remove() => kernel.Network.RemoveAddress(InterfaceOf(function) ?? name, address);
        uses.Begin(new Use($"{name} has {address}", [function], Protection.Network, null, Remove));
    }

    /// <summary>A container gets an interface; what the host had on it is gone.</summary>
    public void MoveAway()
    {
        var function = SequenceMachine.NetworkFunctions[random.Next(SequenceMachine.NetworkFunctions.Length)];
        if (InterfaceOf(function) is not { } name)
            return;
        var had = uses.All.Where(u => u.Protection == Protection.Network && u.Functions.Contains(function)).ToList();
        foreach (var use in had)
            uses.End(use);
        tell($"{name} of {function} goes to another network namespace");
        var owner = kernel.Processes.Start("container");
        kernel.Network.MoveAway(name, owner);
        uses.Begin(
            new Use(
                $"{name} is in another network namespace",
                [function],
                Protection.Network,
                null,
                () =>
                {
                    kernel.Network.ComeBack(name);
                    owner.Exit();
                }
            )
        );
    }

    private string? InterfaceOf(string function) =>
        kernel.Network.Hardware.FirstOrDefault(i => Path.GetFileName(i.Device) == function).Name;

    /// <summary>At the moment of a write somebody wants a device, that of the write above all.</summary>
    public void SlipIn(string? path, string target)
    {
        switch (random.Next(3))
        {
            case 0:
                Admit();
                break;
            case 1 when path is not null && Concerned(path, target) is { Length: > 0 } concerned:
                var function = concerned[random.Next(concerned.Length)];
                if (function == SequenceMachine.DiskFunction && kernel.DriverOf(function) == "nvme")
                    TryMount(function);
                else if (kernel.GroupOf(function) is { } group && FreeGroups().Contains(group))
                    TryHold(group);
                break;
            default:
                Hold();
                break;
        }
    }

    public void EndAll()
    {
        while (AnyPod() is not null)
            DeletePod();
        foreach (var use in uses.All.ToList())
            uses.End(use);
    }

    private ImmutableArray<string> Concerned(string path, string target) =>
        path.EndsWith("/sriov_numvfs", StringComparison.Ordinal)
            ? uses.VirtualFunctions(Path.GetFileName(Path.GetDirectoryName(path)!))
            : [target];

    private void AdmitFor(string resource, int count)
    {
        var name = $"vm-{++_count}";
        var (pod, cause) = kubelet.Admit(name, resource, count);
        tell(pod is null ? $"{name} for {resource}: {cause}" : $"{name} gets {string.Join(", ", pod.Ids)} of {resource}");
        if (pod is null)
            return;
        var functions = pod.Groups.SelectMany(uses.GroupMembers).ToImmutableHashSet().Union(lent.DevicesOf(pod));
        if (_pods.Values.FirstOrDefault(u => uses.All.Contains(u) && u.Functions.Overlaps(functions)) is { } other)
            throw new BrokenPromiseException($"{name} was given {string.Join(", ", pod.Ids)} of {resource} while {other.What}");
        _pods[name] = new Use($"{name} has {string.Join(", ", pod.Ids)} of {resource}", functions, null, null, () => { });
        uses.Begin(_pods[name]);
        if (random.Next(4) == 0)
            return;
        // The world may have gone on since the answer: what is lent can be pulled.
        if (!pod.Nodes.IsEmpty && kubelet.CheckStart(pod) is { } outdated)
            tell($"the container of {name} is not started: {outdated}");
        else
            StartVm(pod, "what it was given");
    }

    /// <summary>Takes all groups of the answer as a VMM does. That it cannot breaks the promise of the answer.</summary>
    private void StartVm(SteppedPod pod, string what)
    {
        lent.CheckStart(pod, what);
        var process = kernel.Processes.Start("qemu-system-x86");
        var functions = ImmutableHashSet<string>.Empty;
        foreach (var group in pod.Groups)
        {
            if (Take(process, group) is { } problem)
            {
                process.Exit();
                throw new BrokenPromiseException($"the VM of {pod.Name} cannot take {what}: /dev/vfio/{group}: {problem}");
            }

            functions = functions.Union(uses.GroupMembers(group));
        }

        functions = functions.Union(lent.Take(pod, process));
        uses.Begin(new Use($"the VM of {pod.Name} runs", functions, null, process, process.Exit));
    }

    private void EndVm(string pod)
    {
        foreach (var vm in uses.All.Where(u => u.What == $"the VM of {pod} runs").ToList())
        {
            uses.End(vm);
            lent.Left(vm);
        }
    }

    private void TryHold(int group)
    {
        var process = kernel.Processes.Start("spdk");
        var functions = uses.GroupMembers(group);
        if (Take(process, group) is not null)
        {
            process.Exit();
            return;
        }

        tell($"a program takes group {group} ({string.Join(", ", functions.Order(StringComparer.Ordinal))})");
        uses.Begin(new Use($"process {process.Pid} has group {group} open", functions, null, process, process.Exit));
    }

    /// <summary>Null when it went well.</summary>
    private string? Take(SimulatedProcess process, int group)
    {
        var (error, file) = process.OpenGroup(group);
        if (file is null)
            return error.ToString();
        var attached = file.SetContainer();
        if (!attached.IsSuccess)
            return attached.ToString();
        var device = uses.GroupMembers(group).Order(StringComparer.Ordinal).FirstOrDefault(IsForVms);
        return device is null ? "no device"
            : file.OpenDevice(device) is { File: null } failed ? failed.Error.ToString()
            : null;
    }

    private bool IsForVms(string device) => MdevUuid.TryParse(device, out _) || kernel.DriverOf(device) == "vfio-pci";

    private void TryMount(string function)
    {
        if (!Directory.Exists(kernel.Paths.Resolve($"/sys/bus/pci/devices/{function}/nvme")))
            return;
        var disk = ScenarioNodes.DiskOf(kernel.Paths, function);
        var target = $"/data-{++_count}";
        if (!kernel.Storage.MountDisk(disk, target).IsSuccess)
            return;
        tell($"{disk} of {function} is mounted at {target}");
        uses.Begin(new Use($"{disk} is mounted at {target}", [function], Protection.Storage, null, () => kernel.Storage.Unmount(target)));
    }

    /// <summary>Groups that no pod has: a program that takes what a pod was given is between the two of them.</summary>
    private List<int> FreeGroups()
    {
        var directory = kernel.Paths.Resolve("/dev/vfio");
        return Directory.Exists(directory)
            ?
            [
                .. Directory
                    .GetFiles(directory)
                    .Select(Path.GetFileName)
                    .Select(n => int.TryParse(n, out var g) ? g : -1)
                    .Where(g => g >= 0 && !uses.GroupMembers(g).Any(uses.InUse))
                    .Order(),
            ]
            : [];
    }

    private SteppedPod? AnyPod() => kubelet.Pods.Count == 0 ? null : kubelet.Pods[random.Next(kubelet.Pods.Count)];
}
