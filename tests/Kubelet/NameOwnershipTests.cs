using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>A name that is another plugin's before we register it is left it; one that is nobody's any more is taken.</summary>
public sealed class NameOwnershipTests
{
    private const string Gpu = KubeletBench.Gpu;
    private const string Kvm = "devices.kubevirt.io/kvm";

    /// <summary>As in production, but that a plugin which is silent counts as gone soon.</summary>
    private static readonly KubeletTimings Timings = new()
    {
        OthersReturn = TimeSpan.FromMilliseconds(300),
        Poll = TimeSpan.FromMilliseconds(50),
        DisplacedAfter = TimeSpan.FromMilliseconds(100),
    };

    private static readonly KubeletTimings Patient = Timings with { OthersReturn = TimeSpan.FromHours(1) };

    [Fact]
    public async Task A_pod_that_asks_for_a_name_which_another_plugin_has_gets_what_that_plugin_gives_and_ours_comes_when_it_is_gone()
    {
        await using var bench = new KubeletBench(Timings);
        await bench.Kubelet.StartAsync();
        var foreign = await StartAsync(bench, Gpu, "nvidia-gpu.sock", "GPU-1", "GPU-2");

        bench.Advertiser.Start();
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a"), KubeletBench.Resource(KubeletBench.Nic, "n")]);
        await bench.OfferedAsync(KubeletBench.Nic, 1);
        var words = await ContestedAsync(bench, Gpu, "answers. ");
        Assert.StartsWith(
            "example.com/gpu is another device plugin's on this node: the kubelet has GPU-1, GPU-2 under it, which this agent never "
                + $"listed, and a socket of another plugin in {bench.Kubelet.Directory} (nvidia-gpu.sock) answers. So it is not "
                + "registered: ",
            words,
            StringComparison.Ordinal
        );
        Assert.Equal(PodPhase.Running, (await bench.Kubelet.AdmitPodAsync("vms", "vm", new DeviceRequest(Gpu, 1))).Phase);
        Assert.Equal(1, bench.Kubelet.Registrations[Gpu]);
        Assert.False(File.Exists(Path.Combine(bench.Kubelet.Directory, "hostdev-example.com_gpu.sock")));

        await foreign.DisposeAsync(); // its DaemonSet is deleted; its pod lives on
        bench.LookAtPods();
        await ContestedAsync(bench, Gpu, "pod vms/vm has GPU-1 of it, which this agent never listed");
        await Task.Delay(Timings.OthersReturn * 2, TestContext.Current.CancellationToken);
        await ContestedAsync(bench, Gpu, "It is registered when no pod has such a device any more");
        Assert.True(bench.Advertiser.WaitsForLook);
        bench.Kubelet.DeletePod("vms", "vm"); // the checkpoint still names it
        bench.LookAtPods();

        await bench.OfferedAsync(Gpu, 1);
        Assert.Equal(["a"], bench.Kubelet.Devices(Gpu).Select(d => d.Id));
        await Waiting.UntilAsync(() => bench.State(Gpu).Problem is null);
    }

    [Fact]
    public async Task What_the_checkpoint_keeps_of_a_plugin_that_is_gone_holds_up_no_migration()
    {
        await using var bench = new KubeletBench(Patient);
        await bench.Kubelet.StartAsync();
        // One plugin lives and says another name by its socket, of another there is but the file.
        await using var other = await StartAsync(bench, "intel.com/sriov", "intel.com_sriov.sock", "0000:81:00.1");
        await (await StartAsync(bench, Gpu, "nvidia-gpu.sock", "GPU-1")).DisposeAsync();
        await File.WriteAllTextAsync(Path.Combine(bench.Kubelet.Directory, "nvidia-gpu.sock"), "", TestContext.Current.CancellationToken);
        Assert.Equal(["GPU-1"], Entry(bench, Gpu)); // as if the kubelet had not written it since
        LongUp(bench);

        await RunAsync(bench, KubeletBench.Resource(Gpu, "a"));

        Assert.Equal(["a"], bench.Kubelet.Devices(Gpu).Select(d => d.Id));
    }

    [Fact]
    public async Task After_a_kubelet_s_start_a_name_is_left_to_whoever_had_it_until_it_is_back()
    {
        await using var bench = new KubeletBench(Patient);
        await bench.Kubelet.StartAsync();
        var foreign = await StartAsync(bench, Gpu, "nvidia-gpu.sock", "GPU-1");
        bench.Advertiser.Start();
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a")]);
        await ContestedAsync(bench, Gpu, "answers. ");

        await foreign.DisposeAsync();
        await bench.Kubelet.RestartAsync(); // every socket is gone, and we are here before the other
        await ContestedAsync(bench, Gpu, "answered less than 3600 s ago");
        await Task.Delay(200, TestContext.Current.CancellationToken);
        await using var back = await StartAsync(bench, Gpu, "nvidia-gpu.sock", "GPU-1");

        await ContestedAsync(bench, Gpu, "answers. ");
        Assert.DoesNotContain(bench.Kubelet.Lists(Gpu), l => l.Any(d => d.Id == "a"));
    }

    [Fact]
    public async Task At_a_boot_we_may_be_first_and_still_leave_the_name_to_whoever_had_it()
    {
        await using var bench = new KubeletBench(Patient);
        await bench.Kubelet.StartAsync();
        await (await StartAsync(bench, Gpu, "nvidia-gpu.sock", "GPU-1")).DisposeAsync();
        await bench.Kubelet.RestartAsync();
        bench.Advertiser.Start();
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a")]);

        await ContestedAsync(bench, Gpu, "this kubelet, which deletes all sockets when it starts, was started less than 3600 s ago");
        await using var back = await StartAsync(bench, Gpu, "nvidia-gpu.sock", "GPU-1");
        await ContestedAsync(bench, Gpu, "answers. ");
        Assert.DoesNotContain(bench.Kubelet.Lists(Gpu), l => l.Any(d => d.Id == "a"));
    }

    /// <summary>An update finds such a name in force, whose devices we have listed: KubeVirt's own socket is enough.</summary>
    [Fact]
    public async Task KubeVirt_s_kvm_is_left_to_KubeVirt_and_a_pod_that_asks_for_it_gets_no_device_of_ours()
    {
        await using var bench = new KubeletBench(Timings, listed: new ListedDevices(ListedIds.Of([(Kvm, "a")])));
        await bench.Kubelet.StartAsync();
        // ours, of the version before
        await (await StartAsync(bench, Kvm, "hostdev-devices.kubevirt.io_kvm.sock", "a")).DisposeAsync();
        var kubeVirt = new ForeignPlugin(bench.Kubelet.Directory, Kvm, "kubevirt-kvm.sock");
        await kubeVirt.StartAsync();

        bench.Advertiser.Start();
        bench.Advertiser.Update([KubeletBench.Resource(Kvm, "a")]);
        var words = await ContestedAsync(bench, Kvm, "answers. ");
        Assert.Contains("whose name says this resource (kubevirt-kvm.sock)", words, StringComparison.Ordinal);
        kubeVirt.List("kvm0", "kvm1");
        await kubeVirt.RegisterAsync(); // virt-handler is restarted
        await bench.OfferedAsync(Kvm, 2);
        var pod = await bench.Kubelet.AdmitPodAsync("vms", "virt-launcher", new DeviceRequest(Kvm, 1));
        Assert.Equal(("kvm0", PodPhase.Running), (pod.Devices[Kvm][0], pod.Phase));
        Assert.Empty(pod.Envs);

        await kubeVirt.DisposeAsync();
        bench.Kubelet.DeletePod("vms", "virt-launcher");
        bench.LookAtPods();
        await bench.OfferedAsync(Kvm, 1);
    }

    [Fact]
    public async Task A_plugin_whose_socket_says_the_name_gets_it_back_without_a_fight_when_it_comes_later()
    {
        await using var bench = new KubeletBench(Timings);
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        var kubeVirt = await StartAsync(bench, Gpu, "kubevirt-example.com-gpu.sock", "17");

        var words = await ContestedAsync(bench, Gpu, "answers. ");
        Assert.Contains("(KubeVirt's own goes with externalResourceProvider: true", words, StringComparison.Ordinal);
        bench.Advertiser.Update([KubeletBench.Sick(Gpu, "a")]); // our own changes do not replace its list
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a", "b")]);
        await Task.Delay(Timings.DisplacedAfter * 3, TestContext.Current.CancellationToken);
        Assert.Equal(2, bench.Kubelet.Registrations[Gpu]); // ours and its
        Assert.Equal(["17"], bench.Kubelet.Devices(Gpu).Select(d => d.Id));

        await kubeVirt.DisposeAsync();
        await bench.OfferedAsync(Gpu, 2);
        await Waiting.UntilAsync(() => bench.State(Gpu).Problem is null);
    }

    [Fact]
    public async Task Whatever_is_listed_is_on_disk_as_ours_before_the_kubelet_reads_of_it()
    {
        var kept = ListedIds.None;
        await using var bench = new KubeletBench(Timings, listed: new ListedDevices(kept, l => Volatile.Write(ref kept, l)));
        var atDial = ImmutableArray<string>.Empty;
        bench.Kubelet.BeforeDial = _ =>
        {
            atDial = [.. Volatile.Read(ref kept).All.Select(l => l.Id)];
            return Task.CompletedTask;
        };
        await bench.StartAsync(KubeletBench.Resource(Gpu, "a"));
        Assert.Equal(["a"], atDial);

        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a", "b")]);
        Assert.Equal(["a", "b"], Volatile.Read(ref kept).All.Select(l => l.Id));
        await bench.OfferedAsync(Gpu, 2);
        Assert.All(Entry(bench, Gpu), id => Assert.True(kept.Has(Gpu, id)));
    }

    [Fact]
    public async Task What_cannot_be_noted_on_disk_is_not_listed()
    {
        var full = true;
        var listed = new ListedDevices(
            ListedIds.None,
            _ =>
            {
                if (Volatile.Read(ref full))
                    throw new IOException("No space left on device");
            }
        );
        await using var bench = new KubeletBench(Timings with { StreamGrace = TimeSpan.FromMilliseconds(20) }, listed: listed);
        await bench.Kubelet.StartAsync();
        bench.Advertiser.Start();
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a")]);
        await Waiting.UntilAsync(() => bench.State(Gpu).Problem?.Reason == Reasons.RegistrationFailed);
        Assert.EndsWith(
            ": what is to be listed cannot be put on disk first: No space left on device",
            bench.State(Gpu).Problem!.Message,
            StringComparison.Ordinal
        );
        Assert.Empty(bench.Kubelet.Lists(Gpu).SelectMany(l => l));

        Volatile.Write(ref full, false);
        await bench.OfferedAsync(Gpu, 1);
        Volatile.Write(ref full, true);
        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a", "b")]);
        await Waiting.UntilAsync(() => bench.State(Gpu).Problem?.Reason == Reasons.RegistrationFailed);
        Assert.Equal(["a"], bench.State(Gpu).Listed.Select(d => d.Id));
        Volatile.Write(ref full, false);
        await bench.OfferedAsync(Gpu, 2);
        await Waiting.UntilAsync(() => bench.State(Gpu).Problem is null);
    }

    [Fact]
    public async Task Until_it_is_known_what_is_wanted_and_who_has_what_nothing_is_registered_beside_another_s_devices_and_nothing_said()
    {
        await using var bench = new KubeletBench(Patient, listed: new ListedDevices(null, isTaken: _ => false));
        await bench.Kubelet.StartAsync();
        var foreign = await StartAsync(bench, Gpu, "nvidia-gpu.sock", "a");
        Assert.Equal(PodPhase.Running, (await bench.Kubelet.AdmitPodAsync("vms", "vm", new DeviceRequest(Gpu, 1))).Phase);
        await foreign.DisposeAsync();
        LongUp(bench);
        bench.Holdings.Record([ScriptedAllocator.Answer(Gpu, "b", TimeProvider.System.GetUtcNow())]); // so it is looked at from the start
        bench.Advertiser.Start();
        bench.Advertiser.HoldersLookedAt(new PodUseReading.Unreadable("not yet"));
        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.Equal([Gpu], bench.Advertiser.Snapshot().Select(s => s.Name.Value));
        Assert.Null(bench.State(Gpu).Problem);
        Assert.Equal(1, bench.Kubelet.Registrations[Gpu]);
        Assert.True(bench.Advertiser.WaitsForLook);

        bench.Advertiser.Update([KubeletBench.Resource(Gpu, "a")]); // so the version before listed it
        await Waiting.UntilAsync(() => bench.Kubelet.Devices(Gpu).Any(d => d.Id == "b"));
        Assert.Null(bench.State(Gpu).Problem);
    }

    private static async Task<ForeignPlugin> StartAsync(KubeletBench bench, string resource, string socket, params string[] ids)
    {
        var plugin = new ForeignPlugin(bench.Kubelet.Directory, resource, socket);
        await plugin.StartAsync();
        plugin.List(ids);
        await plugin.RegisterAsync();
        await bench.OfferedAsync(resource, ids.Length);
        await Waiting.UntilAsync(() => Entry(bench, resource).SequenceEqual(ids));
        return plugin;
    }

    private static async Task RunAsync(KubeletBench bench, AdvertisedResource resource)
    {
        bench.Advertiser.Start();
        bench.Advertiser.Update([resource]);
        await Waiting.UntilAsync(() => bench.State(resource.Name.Value).StreamLive);
        await bench.OfferedAsync(resource.Name.Value, resource.Devices.Length);
    }

    /// <summary>Waits for what is said of a name that is another's.</summary>
    private static async Task<string> ContestedAsync(KubeletBench bench, string resource, string words)
    {
        await Waiting.UntilAsync(
            () =>
                bench.Advertiser.Snapshot().FirstOrDefault(s => s.Name.Value == resource)?.Problem is { } problem
                && problem.Reason == Reasons.ResourceContested
                && problem.Message.Contains(words, StringComparison.Ordinal),
            state: () => string.Join("\n", bench.Advertiser.Snapshot().Select(s => $"{s.Name}: {s.Problem}"))
        );
        return bench.State(resource).Problem!.Message;
    }

    /// <summary>What the kubelet's checkpoint has as healthy.</summary>
    private static ImmutableArray<string> Entry(KubeletBench bench, string resource) =>
        [.. new KubeletCheckpointReader(bench.Kubelet.Directory).ReadHealthy(resource).Order(StringComparer.Ordinal)];

    /// <summary>This kubelet was started long ago.</summary>
    private static void LongUp(KubeletBench bench) => File.SetLastWriteTimeUtc(bench.Kubelet.KubeletSocket, DateTime.UtcNow.AddDays(-1));
}
