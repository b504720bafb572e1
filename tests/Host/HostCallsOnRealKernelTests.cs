using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Host;

[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class HostCallsOnRealKernelTests : IDisposable
{
    private static readonly PciAddress Igb = Sysfs.Address("41:00.0");
    private static readonly PciAddress Edu = Sysfs.Address("46:00.0");
    private readonly LinuxHostCalls calls = new(new HostPaths("/"));

    public void Dispose() => Sysfs.Restore(Igb, Edu);

    [LabFact]
    public void Gives_the_kernels_answer_to_a_write()
    {
        Assert.Equal(Errno.ERANGE, calls.WriteAttribute(Sysfs.Path(Igb, "sriov_numvfs"), "8"));
        Assert.Equal(Errno.EINVAL, calls.WriteAttribute(Sysfs.Path(Igb, "sriov_numvfs"), "abc"));
        Assert.Equal(Errno.ENODEV, calls.WriteAttribute("/sys/bus/pci/drivers/vfio-pci/bind", Edu.ToString()));
        Assert.Equal(Errno.ENOENT, calls.WriteAttribute(Sysfs.Path(Edu, "no_such_attribute"), "1"));
        Assert.Equal(Errno.None, calls.WriteAttribute(Sysfs.Path(Edu, "driver_override"), "vfio-pci"));
        Assert.Equal("vfio-pci", Sysfs.Read(Edu, "driver_override"));
        Assert.Equal(Errno.None, calls.WriteAttribute(Sysfs.Path(Edu, "driver_override"), "\n"));
        Assert.Equal("(null)", Sysfs.Read(Edu, "driver_override"));
    }

    /// <summary>sysfs's own modes and links, of a function and of a mediated device.</summary>
    [LabFact]
    public void Goes_below_a_device_s_directory_alone()
    {
        const string uuid = "11111111-2222-8333-8444-555555555555";
        Assert.Equal(Errno.None, calls.WriteAttribute(Sysfs.Path(Igb, "sriov_numvfs"), "1"));
        Assert.Equal(Errno.None, calls.WriteAttribute("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create", uuid));
        try
        {
            var (pf, vf, mdev) = (
                "/sys/bus/pci/devices/0000:41:00.0",
                "/sys/bus/pci/devices/0000:41:10.0",
                $"/sys/bus/mdev/devices/{uuid}"
            );
            Assert.Equal(
                (Errno.None, true, true, "on"),
                calls.ReadBelow(pf, "power/control") is var control
                    ? (control.Error, control.MayBeRead, control.MayBeWritten, control.Text)
                    : default
            );
            Assert.Equal(new BelowLook(Errno.None, 0x80, null), calls.ReadBelow(vf, "sriov_vf_msix_count"));
            Assert.Equal(Errno.EOPNOTSUPP, calls.WriteBelow(vf, "sriov_vf_msix_count", "2"));
            Assert.Equal(
                (true, false),
                calls.ReadBelow(mdev, "vendor/sample_mdev_dev") is var it ? (it.MayBeRead, it.MayBeWritten) : default
            );
            Assert.Equal(Errno.EACCES, calls.WriteBelow(mdev, "vendor/sample_mdev_dev", "1"));
            Assert.Equal(Errno.ENOENT, calls.ReadBelow(mdev, "assign_adapter").Error);
            foreach (
                var (directory, link) in (ReadOnlySpan<(string, string)>)
                    [
                        (vf, "physfn/sriov_numvfs"),
                        (pf, "virtfn0/driver_override"),
                        (pf, "driver/unbind"),
                        (pf, "iommu_group/type"),
                        (pf, "subsystem/rescan"),
                        (mdev, "mdev_type/create"),
                        (mdev, "iommu_group/type"),
                    ]
            )
            {
                Assert.Equal((Errno.ELOOP, Errno.ELOOP), (calls.ReadBelow(directory, link).Error, calls.WriteBelow(directory, link, "1")));
            }

            Assert.Equal(Errno.EXDEV, calls.WriteBelow(vf, "../0000:41:00.0/sriov_numvfs", "0"));
            Assert.Equal("1", Sysfs.Read(Igb, "sriov_numvfs"));
        }
        finally
        {
            calls.WriteAttribute($"/sys/bus/mdev/devices/{uuid}/remove", "1");
        }
    }

    [LabFact]
    public void Hears_what_the_kernel_says_of_a_device_while_a_write_runs()
    {
        Assert.Equal(Errno.None, calls.WriteAttribute(Sysfs.Path(Igb, "sriov_numvfs"), "1"));
        using var log = calls.FollowKernelLog();
        Assert.Equal(Errno.EBUSY, calls.WriteAttribute(Sysfs.Path(Igb, "sriov_numvfs"), "2"));
        var message = Assert.Single(log.ReadNew(), m => m.IsAbout(Igb));
        Assert.Equal(
            ("+pci:0000:41:00.0", true),
            (message.Device, message.Text.EndsWith(": 1 VFs already enabled. Disable before enabling 2 VFs", StringComparison.Ordinal))
        );
        Assert.Empty(log.ReadNew());
    }

    [LabFact]
    public void Proves_that_a_group_is_free_or_held()
    {
        Sysfs.Bind(Edu, "vfio-pci");
        var first = calls.Open(Sysfs.GroupPath(Edu), OpenIntent.VfioGroup);
        Assert.Equal(Errno.None, first.Error);
        Assert.Equal(Errno.EBUSY, calls.Open(Sysfs.GroupPath(Edu), OpenIntent.VfioGroup).Error);
        first.Handle!.Dispose();
        using var second = calls.Open(Sysfs.GroupPath(Edu), OpenIntent.VfioGroup).Handle;
        Assert.NotNull(second);
    }

    [LabFact]
    public void Proves_that_a_disk_is_free_or_held()
    {
        var disk =
            "/dev/"
            + Path.GetFileName(
                Directory
                    .GetDirectories("/sys/class/block", "sd?")
                    .First(d => new DirectoryInfo(d).LinkTarget!.Contains("/0000:02:00.0/", StringComparison.Ordinal))
            );
        using (var first = calls.Open(disk, OpenIntent.WholeDisk).Handle)
        {
            Assert.NotNull(first);
            Assert.Equal(Errno.EBUSY, calls.Open(disk, OpenIntent.WholeDisk).Error);
        }

        using var again = calls.Open(disk, OpenIntent.WholeDisk).Handle;
        Assert.NotNull(again);
    }

    [LabFact]
    public void Sets_the_owner_of_a_group_node()
    {
        Sysfs.Bind(Edu, "vfio-pci");
        var node = Sysfs.GroupPath(Edu);
        Assert.Equal(new NodeOwner(0, 0, 0x180), calls.ReadOwner(node).Owner);
        Assert.Equal(Errno.None, calls.SetOwner(node, new NodeOwner(107, 107, 0x1b0)));
        Assert.Equal("107:107 0660", calls.ReadOwner(node).Owner.ToString());
    }
}
