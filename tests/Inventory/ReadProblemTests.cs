using System.Diagnostics;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.Planning.Inventory;
using Hostdev.Tests.Host;
using Xunit;

namespace Hostdev.Tests.Inventory;

/// <summary>Whatever an attribute holds, the device is there and the reading goes on.</summary>
public sealed class ReadProblemTests : IDisposable
{
    private const string Nic = "/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0";
    private readonly MachineFixture machine = MachineFixture.Load("x86-server");

    public void Dispose() => machine.Dispose();

    [Theory]
    [InlineData("vendor", "vendor =", "is empty")]
    [InlineData("vendor", "vendor = Intel", "is no hexadecimal number: \"Intel\"")]
    [InlineData("vendor", "vendor = 0x18086", "is no id of four hexadecimal digits: \"0x18086\"")]
    [InlineData("device", "device ~> /nowhere", "is not there")]
    [InlineData("class", "class ~> .", "cannot be read: EISDIR")]
    [InlineData("class", "class ~> class", "cannot be read: ELOOP")]
    [InlineData("numa_node", "numa_node = zero", "is no number: \"zero\"")]
    [InlineData("resource", "resource = 0x1 0x2", "has a line that is not start, end and flags: \"0x1 0x2\"")]
    [InlineData("sriov_totalvfs", "sriov_totalvfs =", "is empty")]
    [InlineData("sriov_numvfs", "sriov_numvfs ~> /nowhere", "is not there")]
    [InlineData("driver_override", "driver_override ~> .", "cannot be read: EISDIR")]
    [InlineData("ptp/ptp0/uevent", "ptp/ptp0/uevent ~> .", "cannot be read: EISDIR")]
    public void Keeps_the_device_and_says_what_is_wrong_with(string attribute, string change, string complaint)
    {
        machine.Change($"[{Nic}]\n{change}");
        AssertOnlyProblem($"{Nic}/{attribute}", complaint);
    }

    [Fact]
    public void What_was_not_answered_in_time_is_marked_and_says_nothing_about_the_device()
    {
        Fifo.Create(machine.Resolve($"{Nic}/driver_override"));
        var inventory = new InventoryReader(machine.Paths, TimeProvider.System, blockingDeadline: TimeSpan.FromMilliseconds(100)).Read();
        var problem = Assert.Single(inventory.Functions[PciAddress.Parse("0000:3b:00.0")].Unreadable);
        // twice the deadline where the machine is busy
        Assert.StartsWith("is blocked: no answer within 0.", problem.Message, StringComparison.Ordinal);
        Assert.True(problem.Unanswered);
        Fifo.Answer(machine.Resolve($"{Nic}/driver_override"), "");
    }

    [Fact]
    public void Refuses_what_is_no_text()
    {
        File.WriteAllBytes(machine.Resolve($"{Nic}/vendor"), [0x30, 0x78, 0, 0xff, 0xfe]);
        AssertOnlyProblem($"{Nic}/vendor", "is not text");
    }

    [Fact]
    public void Does_not_take_a_huge_attribute_into_memory()
    {
        using (var file = File.Create(machine.Resolve($"{Nic}/reset_method")))
            file.SetLength(8L << 30);
        AssertOnlyProblem($"{Nic}/reset_method", "is longer than 64 KiB");
    }

    [Fact]
    public void Says_that_an_attribute_every_function_has_is_missing()
    {
        machine.Delete($"{Nic}/subsystem_vendor");
        AssertOnlyProblem($"{Nic}/subsystem_vendor", "is not there");
    }

    [Fact]
    public void Drops_a_function_that_vanished_whole_without_a_problem()
    {
        machine.Delete(Nic);
        var inventory = machine.Read();
        Assert.DoesNotContain(PciAddress.Parse("0000:3b:00.0"), inventory.Functions.Keys);
        Assert.Equal(PciAddress.Parse("0000:3b:00.0"), inventory.Functions[PciAddress.Parse("0000:3b:01.0")].PhysicalFunction);
        Assert.Empty(inventory.Problems);
    }

    [Fact]
    public void Forgets_a_virtual_function_that_its_physical_function_still_links_to()
    {
        machine.Delete("/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:01.1");
        var inventory = machine.Read();
        Assert.Equal([0, 2, 3], inventory.Functions[PciAddress.Parse("0000:3b:00.0")].Sriov!.VirtualFunctions.Keys);
        Assert.Empty(inventory.Problems);
    }

    [Fact]
    public void Reports_names_that_are_no_devices()
    {
        machine.Change("/sys/bus/pci/devices/0000:00:zz.0/vendor = 0x8086\n/sys/bus/mdev/devices/not-a-uuid/uevent = x");
        Assert.Equal(
            [
                new ReadProblem("/sys/bus/mdev/devices/not-a-uuid", "is no UUID"),
                new ReadProblem("/sys/bus/pci/devices/0000:00:zz.0", "is no PCI address: domain:bus:slot.function"),
            ],
            machine.Read().Problems
        );
    }

    [Theory]
    [InlineData("/sys/devices/pci0000:00/0000:00:14.0/usb1/1-4/1-4.2", "idVendor =", "idVendor", "is empty")]
    [InlineData("/sys/devices/pci0000:00/0000:00:14.0/usb1/1-4/1-4.2", "serial ~> .", "serial", "cannot be read: EISDIR")]
    [InlineData("/sys/devices/pci0000:d7/0000:d7:01.0/host0/target0:2:0/0:2:0:0", "type = disk", "type", "is no number: \"disk\"")]
    [InlineData("/sys/devices/pci0000:d7/0000:d7:01.0/host0/target0:2:0/0:2:0:0", "vpd_pg80 = short", "vpd_pg80", "is no page 0x80")]
    public void Keeps_USB_and_SCSI_devices_too(string directory, string change, string attribute, string complaint)
    {
        machine.Change($"[{directory}]\n{change}");
        var inventory = machine.Read();
        Assert.Equal([new ReadProblem($"{directory}/{attribute}", complaint)], inventory.Problems);
        Assert.Equal((2, 2), (inventory.UsbDevices.Length, inventory.ScsiDevices.Length));
    }

    /// <summary>In a cluster both were missing from the agent's Pod, and <c>driver: Auto</c> was vfio-pci without a word.</summary>
    [Fact]
    public void Says_that_the_list_of_variant_drivers_or_of_names_is_missing_until_it_is_there()
    {
        var aliases = $"/lib/modules/{machine.Read().Facts.KernelRelease}/modules.alias";
        Assert.Empty(machine.Read().MissingFiles);
        machine.Delete(aliases);
        machine.Delete("/usr/share/misc/pci.ids");
        var reader = new InventoryReader(machine.Paths, TimeProvider.System);
        for (var i = 0; i < 2; i++)
        {
            var inventory = reader.Read();
            Assert.Equal(
                [
                    new ReadProblem(
                        aliases,
                        "is not there: which vfio variant driver a device has is not known, and driver: Auto is vfio-pci for all "
                            + "of them; in a Pod mount the host's /lib/modules, on a host run depmod"
                    ),
                    new ReadProblem(
                        "/usr/share/misc/pci.ids",
                        "is not there, nor is /usr/share/hwdata/pci.ids: devices are shown without names; "
                            + "install pci.ids (Debian, Ubuntu) or hwdata (RHEL, SUSE)"
                    ),
                ],
                inventory.MissingFiles
            );
            Assert.Empty(inventory.Problems); // no device is in doubt for that
            Assert.All(inventory.Functions.Values, f => Assert.Null(f.VfioVariantDriver));
        }

        machine.Change(
            $"{aliases} = alias vfio_pci:v*d*sv*sd*bc*sc*i* example_vfio_pci\n/usr/share/hwdata/pci.ids = 8086  Intel Corporation"
        );
        var later = reader.Read();
        Assert.Empty(later.MissingFiles);
        Assert.All(later.Functions.Values, f => Assert.Equal("example_vfio_pci", f.VfioVariantDriver));
        Assert.Contains(later.Functions.Values, f => f.VendorName == "Intel Corporation");
    }

    [Fact]
    public void Reads_an_empty_machine()
    {
        using var empty = MachineFixture.Parse("[/sys]");
        var inventory = empty.Read();
        Assert.Empty(inventory.Functions);
        Assert.False(inventory.Facts.IommuEnabled);
        Assert.Equal(
            ["/proc/cmdline", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/random/boot_id", "/sys/bus/pci/devices"],
            inventory.Problems.Select(p => p.Path)
        );
    }

    [Fact]
    public void Reads_500_functions_quickly()
    {
        for (var i = 0; i < 500; i++)
            machine.Change(
                $"[/sys/devices/pci0001:00/0001:{i >> 8:x2}:{(i >> 3) & 0x1f:x2}.{i & 7}]\nfunction = 8086:1889 "
                    + $"8086:0000 020000\ngroup = {1000 + i}\ndriver = vfio-pci\nvfio-dev/vfio{i}/"
            );
        var reader = new InventoryReader(machine.Paths, TimeProvider.System);
        reader.Read();
        var began = Stopwatch.GetTimestamp();
        Assert.Equal(520, reader.Read().Functions.Count);
        var elapsed = Stopwatch.GetElapsedTime(began);
        TestContext.Current.SendDiagnosticMessage($"520 functions in {elapsed.TotalMilliseconds:F0} ms");
        Assert.True(elapsed < TimeSpan.FromSeconds(1), $"took {elapsed.TotalMilliseconds:F0} ms");
    }

    private void AssertOnlyProblem(string path, string complaint)
    {
        var inventory = machine.Read();
        Assert.Equal([new ReadProblem(path, complaint)], inventory.Problems);
        Assert.Equal(20, inventory.Functions.Count);
        Assert.Contains(PciAddress.Parse("0000:3b:00.0"), inventory.Functions.Keys);
    }
}
