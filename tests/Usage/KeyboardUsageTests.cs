using Hostdev.Crds;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Usage;

/// <summary>Which USB devices are how people get at a host.</summary>
public sealed class KeyboardUsageTests : IDisposable
{
    private const string LastKeyboard = "it is this host's last keyboard, and the kernel's console is on tty0";
    private static readonly UsbPort s_keyboard = UsbPort.Parse("0000:01:00.0/2");
    private readonly SimulatedKernel _kernel = new(LabMachine.Description with { Ps2Keyboard = false, UsbDriversNotLoaded = [] });
    private readonly Pods _pods = new();

    public void Dispose() => _kernel.Dispose();

    [Fact]
    public void The_last_keyboard_is_the_console_where_the_kernel_prints_on_a_virtual_terminal()
    {
        Assert.Empty(Words(s_keyboard)); // its console is a serial port
        ConsoleOnTty0();
        Assert.Equal([LastKeyboard], Words(s_keyboard));
    }

    [Fact]
    public void Another_keyboard_stays_and_not_one_that_a_pod_has()
    {
        ConsoleOnTty0();
        _kernel.PlugUsb("0000:01:00.0/4", LabMachine.UsbKeyboard);
        Assert.Empty(Words(s_keyboard));
        _pods.Has(UsbPort.Parse("0000:01:00.0/4"));
        Assert.Equal([LastKeyboard], Words(s_keyboard));
    }

    [Fact]
    public void A_keyboard_without_a_driver_is_nobody_s()
    {
        ConsoleOnTty0();
        _kernel.UnloadUsbDriver("usbhid");
        Assert.Empty(Words(s_keyboard));
    }

    [Theory]
    [InlineData("046b", "ff10")] // AMI Virtual Keyboard and Mouse
    [InlineData("046b", "ff20")] // AMI Virtual CDROM
    [InlineData("0624", "0249")] // Avocent Virtual Keyboard/Mouse
    [InlineData("0557", "2419")] // ATEN Virtual mouse/keyboard device
    [InlineData("03f0", "7029")] // iLO Virtual Keyboard
    public void What_a_management_controller_plugs_in_is_the_console_also_beside_a_keyboard(string vendor, string product)
    {
        _kernel.PlugUsb("0000:01:00.0/4", new UsbDeviceDescription("4", vendor, product, "BMC", "Virtual", null));
        Assert.Equal(
            [$"it is the management controller's ({vendor}:{product}), by which people who are far away get at this host"],
            Words(UsbPort.Parse("0000:01:00.0/4"))
        );
    }

    private void ConsoleOnTty0()
    {
        _kernel.Core.Tree.WriteFile("/proc/consoles", "tty0                 -WU (EC  p  )    4:1\n");
        _kernel.Core.Tree.WriteFile("/sys/class/tty/console/active", "tty0\n");
    }

    private List<string> Words(UsbPort port)
    {
        var inventory = new InventoryReader(_kernel.Paths, TimeProvider.System).Read();
        var usage = new UsageReader(_kernel.Paths, _kernel.Calls, _pods).Read(inventory, [port]);
        return [.. usage.UsersOf(port).Where(u => u.Kind == UserKind.Console).Select(u => u.Description)];
    }

    private sealed class Pods : IPodUsage
    {
        private readonly HashSet<DeviceId> _given = [];

        public void Has(DeviceId device) => _given.Add(device);

        public System.Collections.Immutable.ImmutableArray<DeviceUser> UsersOf(DeviceId device) =>
            _given.Contains(device) ? [new DeviceUser(UserKind.Pod, "pod vms/vm")] : [];
    }
}
