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
        var cdev = new Option<string?>("--cdev") { Description = "Character device /dev/vfio/devices/vfioN, instead of --group and --device" };
        var hold = new Command("hold", "Take a device, print \"held\", and keep it until stdin closes or SIGTERM arrives") { group, device, cdev };
        hold.Validators.Add(result =>
        {
            var byGroup = result.GetValue(group) is not null && result.GetValue(device) is not null;
            var partly = result.GetValue(group) is not null || result.GetValue(device) is not null;
            if (result.GetValue(cdev) is null ? !byGroup : partly) result.AddError("Say either --group with --device, or --cdev alone.");
        });
        hold.SetAction((parsed, cancellationToken) => HoldAsync(parsed.GetValue(group), parsed.GetValue(device), parsed.GetValue(cdev), cancellationToken));
        return hold;
    }

    private static async Task<int> HoldAsync(int? group, string? device, string? cdev, CancellationToken cancellationToken)
    {
        var result = cdev is not null
            ? VfioTaker.TakeCdev(cdev)
            : VfioTaker.TakeGroup(string.Create(CultureInfo.InvariantCulture, $"/dev/vfio/{group}"), device!);
        switch (result)
        {
            case TakeResult.Taken taken:
                using (taken.Device)
                {
                    Console.WriteLine("held");
                    await EndOfInputAsync(cancellationToken);
                }

                return 0;
            default:
                await Console.Error.WriteLineAsync($"hostdev-sandbox: {result}");
                return 1;
        }
    }

    // The read cannot be cancelled, so the signal does not wait for it: the process is about to end.
    private static async Task EndOfInputAsync(CancellationToken cancellationToken)
    {
        var ended = new TaskCompletionSource();
        await using var signalled = cancellationToken.Register(ended.SetResult);
        using var input = Console.OpenStandardInput();
        var reader = Task.Run(
            () =>
            {
                Span<byte> buffer = stackalloc byte[256];
                while (input.Read(buffer) > 0)
                {
                    // What is typed means nothing; only its end does.
                }
            },
            CancellationToken.None);
        await Task.WhenAny(reader, ended.Task);
    }
}
