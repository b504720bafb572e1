using System.CommandLine;
using System.Runtime.InteropServices;

namespace Hostdev.Sandbox.Usb;

/// <summary>
/// <c>hostdev-sandbox usb hold</c>: has a USB device as a VMM does, from a process of its own, until stdin closes or it is killed: then the
/// kernel closes the node, and gives the interface to no driver.
/// </summary>
public static class UsbCommand
{
    /// <summary><c>_IOR('U', 27, struct usbdevfs_disconnect_claim)</c> of &lt;linux/usbdevice_fs.h&gt;.</summary>
    private const uint DisconnectClaim = 0x8108551b;

    public static Command Create() => new("usb", "Use USB devices as a VMM does") { CreateHold() };

    private static Command CreateHold()
    {
        var node = new Argument<string>("node") { Description = "The device's node, /dev/bus/usb/BBB/DDD" };
        var number = new Option<uint>("--interface") { Description = "Which interface to take from its driver; the first by default" };
        var hold = new Command(
            "hold",
            "Take an interface from its driver, print \"held\", and keep it until stdin closes or SIGTERM arrives"
        )
        {
            node,
            number,
        };
        hold.SetAction((parsed, cancellationToken) => HoldAsync(parsed.GetValue(node)!, parsed.GetValue(number), cancellationToken));
        return hold;
    }

    private static async Task<int> HoldAsync(string node, uint number, CancellationToken cancellationToken)
    {
        var descriptor = Vfio.Kernel.Open(node);
        if (descriptor < 0 || !Claim(descriptor, number))
        {
            await Console.Error.WriteLineAsync($"hostdev-sandbox: {node}: {Vfio.Kernel.LastErrno}");
            return 1;
        }

        Console.WriteLine("held");
        await StandardInput.EndAsync(cancellationToken);
        return Vfio.Kernel.Close(descriptor);
    }

    private static unsafe bool Claim(int descriptor, uint number)
    {
        var claim = new DisconnectClaimArgument { Interface = number };
        return Vfio.Kernel.Ioctl(descriptor, DisconnectClaim, &claim) >= 0;
    }

    /// <summary>struct usbdevfs_disconnect_claim: whatever driver has it, it is disconnected.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct DisconnectClaimArgument
    {
        public uint Interface;
        public uint Flags;
        public fixed byte Driver[256];
    }
}
