using System.Diagnostics;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Usage;

/// <summary>
/// What the lab's own plumbing looks like to the agent: shares of the machine that runs it, a console device whose ports programs write to,
/// the kernel's console.
/// </summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)]
public sealed class UsageOnRealKernelTests
{
    private static readonly HostPaths s_paths = new("/");

    [LabFact]
    public void The_real_kernel_s_shares_ports_and_consoles_are_read()
    {
        var files = new HostFileReader(s_paths);
        // with its end
        Assert.Equal(
            "labio\0",
            System.Text.Encoding.ASCII.GetString(files.ReadBytes("/sys/bus/pci/devices/0000:00:04.0/virtio3/mount_tag", out _)!)
        );
        Assert.Equal("0x0009", files.ReadText("/sys/bus/virtio/devices/virtio3/device").Text);
        Assert.Equal("0x0000000f", files.ReadText("/sys/bus/virtio/devices/virtio3/status").Text);
        Assert.Equal("4", files.ReadText("/sys/module/9pnet_virtio/refcnt").Text); // one for each mount
        Assert.Contains(
            "ttyS0",
            new KernelConsoles(
                files,
                new DeviceTree(files, new(NetworkReading () => throw new InvalidOperationException("nobody asked")))
            ).Names
        );
    }

    [LabFact]
    public void Every_share_of_the_node_is_in_use_and_so_are_the_ports_that_its_output_goes_to()
    {
        using var child = Process.Start(new ProcessStartInfo("sleep", ["600"]) { UseShellExecute = false })!; // with this test's output
        var usage = new UsageReader(s_paths, new LinuxHostCalls(s_paths), new NoPods()).Read(
            new InventoryReader(s_paths, TimeProvider.System).Read()
        );
        foreach (
            var (address, words) in (ReadOnlySpan<(string, string)>)
                [
                    ("0000:00:01.0", "labhost (9p) may be mounted where no process shows it"),
                    ("0000:00:02.0", "labroot (9p) may be mounted where no process shows it"),
                    ("0000:00:03.0", "lablayer (9p) may be mounted where no process shows it"),
                    ("0000:00:04.0", "labio (9p) is mounted at /labio"),
                ]
        )
        {
            Assert.Equal(words, usage.UsersOf(PciAddress.Parse(address))[0].Description);
        }

        child.Kill();
        var ports = usage.UsersOf(PciAddress.Parse("0000:00:06.0")).Where(u => u.Kind == UserKind.OpenNode).Select(u => u.Description);
        Assert.Contains($"/dev/vport4p1 is open in process {child.Id} (sleep)", ports);
    }

    private sealed class NoPods : IPodUsage
    {
        public System.Collections.Immutable.ImmutableArray<DeviceUser> UsersOf(DeviceId device) => [];
    }
}
