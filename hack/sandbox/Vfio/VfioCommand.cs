using System.CommandLine;
using System.Globalization;

namespace Hostdev.Sandbox.Vfio;

/// <summary>
/// <c>hostdev-sandbox vfio hold</c>: holds a device from a process of its own, as a running VM does, until stdin closes or SIGTERM arrives.
/// </summary>
public static class VfioCommand
{
    public static Command Create() => new("vfio", "Use devices as a VMM does") { CreateHold() };

    private static Command CreateHold()
    {
        var group = new Option<int?>("--group") { Description = "Number of the IOMMU group, as in /dev/vfio/N; with --device" };
        var device = new Option<string?>("--device") { Description = "PCI address, or UUID of an mdev, within the group" };
        var cdev = new Option<string?>("--cdev")
        {
            Description = "Character device /dev/vfio/devices/vfioN, instead of --group and --device",
        };
        var unbound = new Option<bool>("--unbound")
        {
            Description = "With --cdev: only open it, as a VMM has it before it binds an iommufd",
        };
        var hold = new Command(
            "hold",
            "Take a device, print \"held\", and keep it until stdin closes or SIGTERM arrives; print \"asked\" "
                + "whenever the kernel asks for it"
        )
        {
            group,
            device,
            cdev,
            unbound,
        };
        hold.Validators.Add(result =>
        {
            var byGroup = result.GetValue(group) is not null && result.GetValue(device) is not null;
            var partly = result.GetValue(group) is not null || result.GetValue(device) is not null;
            if (result.GetValue(cdev) is null ? !byGroup : partly)
                result.AddError("Say either --group with --device, or --cdev alone.");
            if (result.GetValue(unbound) && result.GetValue(cdev) is null)
                result.AddError("--unbound goes with --cdev.");
        });
        hold.SetAction(
            (parsed, cancellationToken) =>
                parsed.GetValue(unbound)
                    ? HoldUnboundAsync(parsed.GetValue(cdev)!, cancellationToken)
                    : HoldAsync(parsed.GetValue(group), parsed.GetValue(device), parsed.GetValue(cdev), cancellationToken)
        );
        return hold;
    }

    private static async Task<int> HoldAsync(int? group, string? device, string? cdev, CancellationToken cancellationToken)
    {
        var result = cdev is not null
            ? VfioTaker.TakeCdev(cdev)
            : VfioTaker.TakeGroup(string.Create(CultureInfo.InvariantCulture, $"/dev/vfio/{group}"), device!);
        if (result is not TakeResult.Taken taken)
            return await FailedAsync(result.ToString()!);
        using (taken.Device)
        {
            // An mdev has no such interrupt, and is held all the same.
            if (taken.Device.OnRequest(() => Console.WriteLine("asked")) is { } error && !Guid.TryParse(device, out _))
                return await FailedAsync($"the request interrupt of {device ?? cdev}: {error}");
            Console.WriteLine("held");
            await StandardInput.EndAsync(cancellationToken);
        }

        return 0;
    }

    /// <summary>Before it is bound the kernel takes no ioctl on it, so it cannot tell when it is asked for the device.</summary>
    private static async Task<int> HoldUnboundAsync(string cdev, CancellationToken cancellationToken)
    {
        var descriptor = Kernel.Open(cdev);
        if (descriptor < 0)
            return await FailedAsync($"{cdev}: {Kernel.LastErrno}");
        Console.WriteLine("held");
        await StandardInput.EndAsync(cancellationToken);
        return Kernel.Close(descriptor);
    }

    private static async Task<int> FailedAsync(string what)
    {
        await Console.Error.WriteLineAsync($"hostdev-sandbox: {what}");
        return 1;
    }
}
