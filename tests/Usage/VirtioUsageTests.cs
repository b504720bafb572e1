using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Usage;

/// <summary>
/// A virtio function is the host's until it is proven otherwise: what its kind is, which share is mounted over it, who prints on it.
/// </summary>
public sealed class VirtioUsageTests
{
    private const string Address = "0000:c0:05.0";
    private const string Other = "0000:c0:06.0";

    [Theory]
    [InlineData(5, "a memory balloon")]
    [InlineData(19, "a vsock")]
    [InlineData(20, "a crypto device")]
    [InlineData(23, "an IOMMU")]
    [InlineData(24, "memory of the host")]
    [InlineData(35, "a watchdog")]
    [InlineData(47, "a virtio device of kind 47")]
    public void What_tells_of_no_use_is_in_use_and_nothing_overrides_it(int kind, string what)
    {
        using var bench = Bench(RoadMachine.Virtio(Address, kind));
        var user = Assert.Single(bench.Users(Address));
        Assert.Equal(
            $"it is {what} ({Name(bench)}), and nothing tells whether the host uses that "
                + $"(if it does not, unbind {Address} from its driver by hand)",
            user.Description
        );
        Assert.Equal((UserKind.Unknown, null), (user.Kind, user.Protection));
        using var proof = bench.Prove(Address);
        Assert.False(proof.IsFree);
    }

    [Fact]
    public void Plan_and_explain_say_what_it_is_and_what_to_do()
    {
        using var bench = Bench(RoadMachine.Virtio(Address, 5));
        var policy = Given.HostDevice("balloon", new PciSelector { Addresses = [PciAddress.Parse(Address)] });
        Golden.MatchesWords("virtio-balloon", bench.Input(policy), Address);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(18)]
    [InlineData(25)]
    [InlineData(27)]
    public void What_has_proofs_of_its_own_or_does_no_harm_is_free_while_nobody_has_it(int kind)
    {
        using var bench = Bench(RoadMachine.Virtio(Address, kind));
        Assert.Empty(bench.Words(Address));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(26)]
    [InlineData(47)]
    public void That_no_driver_has_it_is_the_proof(int kind)
    {
        using var bench = Bench(RoadMachine.Virtio(Address, kind, driver: null, tag: "home"));
        Assert.Empty(bench.Words(Address));
        bench.Delete($"{bench.Path("/sys/bus/pci/devices/" + Address)}/{Name(bench)}/status"); // what cannot be read proves nothing
        Assert.Equal(kind != 26, bench.Words(Address).Any());
    }

    [Fact]
    public void A_device_whose_kind_cannot_be_read_is_in_use()
    {
        using var bench = Bench(RoadMachine.Virtio(Address, 1));
        bench.Delete($"{bench.Path("/sys/bus/pci/devices/" + Address)}/{Name(bench)}/device");
        Assert.Empty(bench.Words(Address)); // its PCI ids tell it as well
        bench.Write(bench.Path("/sys/bus/pci/devices/" + Address) + "/device", "0x9999\n");
        Assert.StartsWith("it is a virtio device of an unknown kind", Assert.Single(bench.Words(Address)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_9p_share_is_protected_by_its_tag_and_no_override_is_enough_because_the_kernel_would_wait()
    {
        using var bench = Bench(
            RoadMachine.Virtio(Address, 9, "9pnet_virtio", "home"),
            RoadMachine.Virtio(Other, 9, "9pnet_virtio", "spare")
        );
        Assert.Empty(bench.Words(Address));
        bench.Kernel.Storage.MountShare("home", "/home");
        Assert.Equal(["home (9p) is mounted at /home", "the kernel lets home (9p) go only when it is unmounted"], bench.Words(Address));
        Assert.Equal([Protection.Storage, null], bench.Users(Address).Select(u => u.Protection));
        Assert.Empty(bench.Words(Other));
        using (var proof = bench.Prove(Address))
            Assert.False(proof.IsFree);
        using (var overridden = bench.Prove(Address, null, UserKind.Mount, UserKind.Swap, UserKind.StackedDevice))
        {
            Assert.False(overridden.IsFree);
        }

        bench.Kernel.Storage.Unmount("/home");
        Assert.Empty(bench.Words(Address));
        using var free = bench.Prove(Address);
        Assert.True(free.IsFree);
    }

    [Fact]
    public async Task An_unbind_of_a_mounted_9p_share_waits_in_the_simulated_kernel_as_in_the_real_one()
    {
        using var bench = Bench(RoadMachine.Virtio(Address, 9, "9pnet_virtio", "home"));
        bench.Kernel.Storage.MountShare("home", "/home");
        var unbind = Task.Run(
            () => bench.Kernel.Calls.WriteAttribute("/sys/bus/pci/drivers/virtio-pci/unbind", Address),
            TestContext.Current.CancellationToken
        );
        Assert.True(bench.Kernel.AwaitBlockedWrite("/unbind", TimeSpan.FromSeconds(20)));
        bench.Kernel.Storage.Unmount("/home");
        Assert.Equal(Errno.None, await unbind);
    }

    [Fact]
    public void A_share_over_TCP_of_the_same_name_is_another()
    {
        using var bench = Bench(RoadMachine.Virtio(Address, 9, "9pnet_virtio", "home"));
        bench.Kernel.Storage.MountShare("home", "/home", options: "trans=tcp,port=564");
        Assert.Empty(bench.Words(Address));
    }

    [Fact]
    public void A_mount_in_a_container_is_seen()
    {
        using var bench = Bench(RoadMachine.Virtio(Address, 9, "9pnet_virtio", "home"));
        bench.Kernel.Processes.Start("pod", "mnt:[4026532999]");
        bench.Kernel.Storage.MountShare("home", "/srv", mountNamespace: "mnt:[4026532999]");
        Assert.Equal("home (9p) is mounted at /srv in the mount namespace of process 701 (pod)", bench.Words(Address).First());
    }

    [Theory]
    [InlineData("1\n", false)] // labio and nothing else
    [InlineData("9\n", true)] // more than is seen
    [InlineData(null, true)] // built in, and the root is an overlay, whose layers nobody sees
    public void More_mounts_than_are_seen_may_be_of_any_share_that_shows_none(string? held, bool protects)
    {
        var machine = RoadMachine.With(RoadMachine.Virtio(Address, 9, "9pnet_virtio", "base"));
        using var bench = new UsageBench(machine with { Shares = [new("labio", "/labio")] });
        if (held is null)
            bench.Delete("/sys/module/9pnet_virtio");
        else
            bench.Write("/sys/module/9pnet_virtio/refcnt", held);
        Assert.Equal(
            protects
                ? ["base (9p) may be mounted where no process shows it", "the kernel lets base (9p) go only when it is unmounted"]
                : [],
            bench.Words(Address)
        );
    }

    [Fact]
    public void A_virtiofs_share_is_told_by_its_tag()
    {
        using var bench = Bench(RoadMachine.Virtio(Address, 26, "virtiofs", "rootfs"), RoadMachine.Virtio(Other, 26, "virtiofs", "spare"));
        bench.Kernel.Storage.MountShare("rootfs", "/", "virtiofs", "rw");
        Assert.Equal(["rootfs (virtiofs) is mounted at /"], bench.Words(Address));
        Assert.Equal(Protection.Storage, bench.Users(Address)[0].Protection);
        Assert.Empty(bench.Words(Other));
    }

    [Fact]
    public void Before_Linux_6_10_any_virtiofs_mount_protects_every_such_device()
    {
        using var bench = Bench(RoadMachine.Virtio(Address, 26, "virtiofs", "rootfs"), RoadMachine.Virtio(Other, 26, "virtiofs", "spare"));
        bench.Delete("/sys/fs/virtiofs");
        bench.Kernel.Storage.MountShare("rootfs", "/", "virtiofs", "rw");
        foreach (var address in (string[])[Address, Other])
        {
            var name = Name(bench, address);
            Assert.Equal(
                [$"rootfs (virtiofs) is mounted at /, which may come over it ({name} does not tell its tag)"],
                bench.Words(address)
            );
        }
    }

    [Fact]
    public void Ports_for_programs_are_used_by_who_has_them_open_and_a_console_by_the_host()
    {
        using var bench = Bench(
            RoadMachine.Virtio(Address, 3, "virtio_console", null, "org.qemu.guest_agent.0"),
            RoadMachine.Virtio(Other, 3, "virtio_console", null, "")
        );
        Assert.Empty(bench.Words(Address));
        var user = Assert.Single(bench.Users(Other));
        Assert.Equal(
            (UserKind.Console, Protection.Console, "a console of the host (hvc) may be on it"),
            (user.Kind, user.Protection, user.Description)
        );

        var ports = $"{bench.Path("/sys/bus/pci/devices/" + Address)}/{Name(bench)}/virtio-ports";
        var port = "/dev/" + System.IO.Path.GetFileName(Directory.GetDirectories(bench.Kernel.Paths.Resolve(ports)).Single());
        bench.Kernel.Processes.Start("qemu-ga").OpenPlain(port);
        Assert.Equal([$"{port} is open in process 701 (qemu-ga)"], bench.Words(Address));

        bench.Write("/proc/consoles", "hvc0                 -W- (EC  p  )  229:0\n");
        Assert.Equal(["the kernel's console hvc0 is on it, or on another virtio console"], bench.Words(Other));
    }

    [Fact]
    public void The_kernel_s_console_on_a_serial_port_protects_its_function_by_either_list()
    {
        using var bench = new UsageBench(RoadMachine.Description);
        Assert.Equal(["the kernel's console ttyS4 is on it"], bench.Words(RoadMachine.Serial));
        Assert.Equal(Protection.Console, bench.Users(RoadMachine.Serial)[0].Protection);
        using (var proof = bench.Prove(RoadMachine.Serial))
        {
            Assert.Equal([$"{RoadMachine.Serial}: the kernel's console ttyS4 is on it"], proof.Users);
        }

        bench.Delete("/proc/consoles");
        Assert.Single(bench.Words(RoadMachine.Serial));
        bench.Write("/sys/devices/virtual/tty/console/active", "tty0 ttyS0\n");
        Assert.Empty(bench.Words(RoadMachine.Serial));
        bench.Delete("/sys/class/tty/ttyS4");
        bench.Write("/proc/consoles", "tty0                 -WU (EC  p  )    4:2\nttyS4                -W- (EC  p a)    4:68\n");
        Assert.Single(bench.Words(RoadMachine.Serial));
    }

    private static UsageBench Bench(params FunctionDescription[] functions) => new(RoadMachine.With([.. functions]) with { Shares = [] });

    /// <summary>The virtio device below a function.</summary>
    private static string Name(UsageBench bench, string address = Address) =>
        System.IO.Path.GetFileName(
            Directory.GetDirectories(bench.Kernel.Paths.Resolve($"/sys/bus/pci/devices/{address}"), "virtio*").Single()
        );
}
