using System.Collections.Immutable;
using Xunit;
using static Hostdev.Tests.Sandbox.KernelSentences;

namespace Hostdev.Tests.Sandbox;

/// <summary>contracts/kernel.md, "Uevents": the sequences, as recorded on Linux 6.12.</summary>
public sealed class UeventTests : IDisposable
{
    private const string Edu = "0000:46:00.0";
    private const string Pf = "0000:41:00.0";
    private const string EduPath = "/devices/pci0000:40/0000:40:05.0/0000:46:00.0";
    private const string PfPath = "/devices/pci0000:40/0000:40:00.0/0000:41:00.0";
    private const string VfPath = "/devices/pci0000:40/0000:40:00.0/0000:41:10.0";

    private readonly SimulatedKernelUnderTest _under = new();

    public void Dispose() => _under.Dispose();

    [Fact]
    public async Task Binding_to_vfio_adds_the_group_then_the_device_then_binds_and_an_override_is_silent()
    {
        Assert.Equal(
            ["add@/devices/virtual/vfio/38", $"add@{EduPath}/vfio-dev/vfio0", $"bind@{EduPath}"],
            await During(() => _under.GiveToVfio(Edu))
        );
        var bind = _under.Kernel.UeventHistory[^1];
        Assert.Equal(
            ("vfio-pci", "1234:11E8", Edu),
            (bind.Properties["DRIVER"], bind.Properties["PCI_ID"], bind.Properties["PCI_SLOT_NAME"])
        );
        var group = _under.Kernel.UeventHistory[^3];
        Assert.Equal(("vfio/38", "242", "0"), (group.Properties["DEVNAME"], group.Properties["MAJOR"], group.Properties["MINOR"]));
        Assert.DoesNotContain("PCI_SLOT_NAME", group.Properties.Keys);
    }

    [Fact]
    public async Task Unbinding_removes_the_device_then_the_group_then_says_unbind_without_driver()
    {
        _under.GiveToVfio(Edu);
        Assert.Equal(
            [$"remove@{EduPath}/vfio-dev/vfio0", "remove@/devices/virtual/vfio/38", $"unbind@{EduPath}"],
            await During(() => _under.Unbind(Edu))
        );
        Assert.DoesNotContain("DRIVER", _under.Kernel.UeventHistory[^1].Properties.Keys);
    }

    [Fact]
    public async Task New_VFs_are_added_and_changed_and_the_PF_changes_last()
    {
        _under.Autoprobe(Pf, "0");
        var second = VfPath.Replace("10.0", "10.2", StringComparison.Ordinal);
        Assert.Equal(
            [$"add@{VfPath}", $"change@{VfPath}", $"add@{second}", $"change@{second}", $"change@{PfPath}"],
            await During(() => _under.NumVfs(Pf, "2"))
        );
        Assert.Equal([$"remove@{VfPath}", $"remove@{second}"], await During(() => _under.NumVfs(Pf, "0")));
    }

    [Fact]
    public async Task With_autoprobe_each_VF_also_gets_its_interface_and_driver()
    {
        Assert.Equal(
            [$"add@{VfPath}", $"change@{VfPath}", $"add@{VfPath}/net/eth5", $"bind@{VfPath}", $"change@{PfPath}"],
            await During(() => _under.NumVfs(Pf, "1"))
        );
        Assert.Equal([$"remove@{VfPath}/net/eth5", $"unbind@{VfPath}", $"remove@{VfPath}"], await During(() => _under.NumVfs(Pf, "0")));
    }

    [Fact]
    public async Task An_mdev_is_added_gets_its_nodes_and_is_bound()
    {
        const string Uuid = "11111111-2222-8333-8444-555555555555";
        const string Path = "/devices/virtual/mtty/mtty/" + Uuid;
        Assert.Equal(
            [$"add@{Path}", "add@/devices/virtual/vfio/40", $"add@{Path}/vfio-dev/vfio0", $"bind@{Path}"],
            await During(() => _under.Write("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create", Uuid))
        );
        Assert.Equal("mtty", _under.Kernel.UeventHistory[^1].Properties["DRIVER"]);
        Assert.Equal(
            [$"remove@{Path}/vfio-dev/vfio0", "remove@/devices/virtual/vfio/40", $"unbind@{Path}", $"remove@{Path}"],
            await During(() => _under.Write($"/sys/bus/mdev/devices/{Uuid}/remove", "1"))
        );
    }

    [Fact]
    public async Task Removing_and_rescanning_a_device_without_driver_is_one_event_each()
    {
        Assert.Equal([$"remove@{EduPath}"], await During(() => _under.Write(Device(Edu) + "/remove", "1")));
        Assert.Equal([$"add@{EduPath}"], await During(() => _under.Write("/sys/bus/pci/rescan", "1")));
    }

    [Fact]
    public async Task Events_that_do_not_fit_are_reported_as_lost()
    {
        await using var source = _under.Kernel.OpenUevents();
        _under.Kernel.LoseUevents(2);
        _under.GiveToVfio(Edu);
        var batch = await source.NextAsync(CancellationToken.None);
        Assert.True(batch.Lost);
        Assert.Equal("bind", Assert.Single(batch.Events).Action);
    }

    [Fact]
    public async Task Waiting_can_be_cancelled()
    {
        await using var source = _under.Kernel.OpenUevents();
        using var cancel = new CancellationTokenSource();
        var waiting = source.NextAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
    }

    private async Task<ImmutableArray<string>> During(Action action)
    {
        await using var source = _under.Kernel.OpenUevents();
        action();
        var batch = await source.NextAsync(CancellationToken.None);
        Assert.False(batch.Lost);
        return [.. batch.Events.Select(uevent => $"{uevent.Action}@{uevent.DevPath}")];
    }
}
