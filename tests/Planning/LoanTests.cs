using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Lending;
using Xunit;

namespace Hostdev.Tests.Planning;

/// <summary>Taking back what was lent as the host has it.</summary>
public sealed class LoanTests
{
    private static readonly UsbPort s_socket = UsbPort.Parse("0000:01:00.0/3");

    [Fact]
    public void An_interface_without_its_driver_is_given_to_the_kernel_and_one_that_had_none_is_left()
    {
        var keyboard = Usb("0627", "1.0", "1.1");
        Assert.Equal(["probe 1-3:1.0 for usbhid", "forget the loan of 0000:01:00.0/3"], TakingBack(keyboard).Steps());
    }

    [Fact]
    public void What_is_in_the_socket_now_and_was_never_lent_is_as_the_kernel_makes_it()
    {
        var dongle = Usb("0529", "1.0");
        Assert.Equal(["forget the loan of 0000:01:00.0/3"], TakingBack(dongle).Steps());
    }

    /// <summary>What a keyboard's loan makes to be done while this is in its socket, and no pod has it.</summary>
    private static Plan TakingBack(UsbDevice now)
    {
        var loan = new OwnedLoan(s_socket, Usb("0627").Identity.ToString(), "uid", InterfaceDrivers.Parse("1.0=usbhid 1.1="));
        HostInventory machine = new Machine();
        var input = Given.Input(machine with { UsbDevices = [now] }) with
        {
            Ownership = Ownership.None with { Loans = Ownership.None.Loans.Add(s_socket, loan) },
        };
        return input.Plan();
    }

    private static UsbDevice Usb(string vendor, params ImmutableArray<string> bare) =>
        new()
        {
            Port = s_socket,
            PortPath = "1-3",
            Vendor = PciId.Parse(vendor),
            Product = PciId.Parse("0001"),
            BusNumber = 1,
            DeviceNumber = 4,
            IsHub = false,
            Interfaces = [.. bare.Select(name => new UsbInterface(name, 0x030101, Driver: null))],
        };
}
