using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Sandbox;

/// <summary>contracts/kernel.md, "mdev": rows that need no open device, for any kernel with the sample parents.</summary>
public abstract class MdevContract : IDisposable
{
    protected const string Types = "/sys/class/mdev_bus/mtty/mdev_supported_types/";
    protected const string Uuid = "11111111-2222-8333-8444-555555555555";
    protected const string Other = "aaaaaaaa-2222-8333-8444-555555555555";

    protected abstract IKernelUnderTest Kernel { get; }

    public void Dispose()
    {
        Kernel.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Types_of_one_parent_compete_for_its_capacity()
    {
        Assert.Equal(("24", "12"), Available());
        Assert.Equal(Errno.None, Create("mtty-2", Uuid));
        Assert.Equal(("22", "11"), Available());
        Assert.Equal(Errno.None, Remove(Uuid));
        Assert.Equal(("24", "12"), Available());
    }

    [Fact]
    public void Creating_says_EEXIST_EINVAL_or_ENOSPC()
    {
        Assert.Equal(Errno.None, Create("mtty-2", Uuid));
        Assert.Equal(Errno.EEXIST, Create("mtty-2", Uuid));
        Assert.Equal(Errno.EEXIST, Create("mtty-1", Uuid));
        Assert.Equal(Errno.EINVAL, Create("mtty-2", "zzz"));
        Remove(Uuid);

        var many = Enumerable.Range(0, 12).Select(index => $"{index:x8}-2222-8333-8444-555555555555").ToArray();
        Assert.All(many, uuid => Assert.Equal(Errno.None, Create("mtty-2", uuid)));
        Assert.Equal(Errno.ENOSPC, Create("mtty-1", Uuid));
        Assert.All(many, uuid => Assert.Equal(Errno.None, Remove(uuid)));
    }

    [Fact]
    public void Upper_case_is_accepted_and_printed_in_lower_case()
    {
        Assert.Equal(Errno.None, Create("mtty-1", Other.ToUpperInvariant() + "\n"));
        Assert.True(Kernel.Has("/sys/bus/mdev/devices/" + Other));
        Remove(Other);
    }

    [Fact]
    public void An_mdev_has_a_group_of_its_own_that_calls_itself_vfio_noiommu()
    {
        Assert.Equal(Errno.None, Create("mtty-2", Uuid));
        var device = "/sys/bus/mdev/devices/" + Uuid;
        var group = Kernel.Link(device + "/iommu_group");
        Assert.Equal("vfio-noiommu", Kernel.Read($"/sys/kernel/iommu_groups/{group}/name"));
        Assert.Equal("unknown", Kernel.Read($"/sys/kernel/iommu_groups/{group}/type"));
        Assert.True(Kernel.Has("/dev/vfio/" + group));
        Assert.Equal("mtty-2", Kernel.Link(device + "/mdev_type"));
        Assert.Equal(Uuid, Kernel.Link(Types + "mtty-2/devices/" + Uuid));
        Remove(Uuid);
        Assert.False(Kernel.Has("/dev/vfio/" + group));
    }

    [Fact]
    public void Removing_takes_a_one_accepts_a_nought_and_refuses_the_rest()
    {
        Assert.Equal(Errno.None, Create("mtty-2", Uuid));
        Assert.Equal(Errno.None, Kernel.Write($"/sys/bus/mdev/devices/{Uuid}/remove", "0"));
        Assert.True(Kernel.Has("/sys/bus/mdev/devices/" + Uuid));
        Assert.Equal(Errno.EINVAL, Kernel.Write($"/sys/bus/mdev/devices/{Uuid}/remove", "x"));
        Assert.Equal(Errno.None, Remove(Uuid));
        Assert.False(Kernel.Has("/sys/bus/mdev/devices/" + Uuid));
    }

    [Fact]
    public void A_description_is_optional()
    {
        Assert.False(Kernel.Has(Types + "mtty-1/description"));
        Assert.Equal("Single port serial", Kernel.Read(Types + "mtty-1/name"));
        Assert.Equal("vfio-pci", Kernel.Read(Types + "mtty-1/device_api"));
        Assert.Equal(
            "virtual display, 640x480 framebuffer",
            Kernel.Read("/sys/class/mdev_bus/mdpy/mdev_supported_types/mdpy-vga/description")
        );
    }

    protected Errno Create(string type, string uuid) => Kernel.Write($"{Types}{type}/create", uuid);

    protected Errno Remove(string uuid) => Kernel.Write($"/sys/bus/mdev/devices/{uuid}/remove", "1");

    private (string, string) Available() =>
        (Kernel.Read(Types + "mtty-1/available_instances"), Kernel.Read(Types + "mtty-2/available_instances"));
}

public sealed class MdevTests : MdevContract
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);
    private readonly SimulatedKernelUnderTest _kernel = new();

    protected override IKernelUnderTest Kernel => _kernel;

    [Fact]
    public async Task Removing_an_open_mdev_blocks_until_it_is_closed()
    {
        Create("mtty-2", Uuid);
        var vm = _kernel.Kernel.Processes.Start("qemu-system-x86");
        vm.Take(Uuid, int.Parse(Kernel.Link($"/sys/bus/mdev/devices/{Uuid}/iommu_group")!));
        var remove = Task.Run(() => Remove(Uuid));
        Assert.True(_kernel.Kernel.AwaitBlockedWrite("/remove", s_limit));
        Assert.Equal(1, _kernel.Kernel.RequestsTo(vm));
        vm.Exit();
        Assert.Equal(Errno.None, await remove.WaitAsync(s_limit));
        Assert.False(Kernel.Has("/sys/bus/mdev/devices/" + Uuid));
    }
}

[Trait("Where", "Lab")]
public sealed class MdevLabTests : MdevContract
{
    private readonly RealKernelUnderTest _kernel = new();

    protected override IKernelUnderTest Kernel => _kernel;
}
