using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Hostdev.Tests.Lab;

/// <summary>
/// A QEMU inside the lab's node. Without a guest it has nothing but its firmware: SeaBIOS asks each disk who it is, and says so. It is
/// killed when it is disposed of, as a kubelet does with what does not end.
/// </summary>
internal sealed class NestedVmm : IDisposable
{
    private readonly Process _process;
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("nested-vmm-");

    /// <summary>A VMM with what a container was told, and no other devices than the machine's own.</summary>
    /// <param name="arguments">As a shell takes them without quotes.</param>
    /// <param name="guest">QEMU's arguments that start a guest.</param>
    public static NestedVmm Told(string arguments, params IEnumerable<string> guest) => new([], [.. guest, .. arguments.Split(' ')]);

    /// <param name="devices">QEMU's arguments beside the machine with a controller for USB and one for SCSI.</param>
    public NestedVmm(params IEnumerable<string> devices)
        : this("-device qemu-xhci -device virtio-scsi-pci,id=scsi".Split(' '), devices) { }

    private NestedVmm(string[] controllers, IEnumerable<string> devices)
    {
        var root = Environment.GetEnvironmentVariable("HOSTDEV_LAB_QEMU");
        Assert.False(string.IsNullOrEmpty(root), "HOSTDEV_LAB_QEMU is not set: hack/lab sets it");
        var libraries = $"{root}/usr/lib/x86_64-linux-gnu";
        string[] machine =
        [
            "-L",
            $"{root}/usr/share/qemu",
            "-L",
            $"{root}/usr/share/seabios",
            .. "-M q35 -accel tcg -m 256 -nodefaults -no-user-config -display none -monitor none -no-reboot".Split(' '),
            "-debugcon",
            $"file:{_files}/firmware",
            "-serial",
            $"file:{_files}/console",
            .. "-global isa-debugcon.iobase=0x402".Split(' '),
            .. controllers,
        ];
        _process = Process.Start(
            new ProcessStartInfo($"{root}/usr/bin/qemu-system-x86_64", [.. machine, .. devices])
            {
                UseShellExecute = false,
                RedirectStandardError = true,
                Environment = { ["LD_LIBRARY_PATH"] = libraries, ["QEMU_MODULE_DIR"] = $"{libraries}/qemu" },
            }
        )!;
    }

    /// <param name="address">As <c>USB_RESOURCE_...</c> has it: bus and device, decimal.</param>
    public static IEnumerable<string> Usb(string address) =>
        address.Split(':') is [var bus, var device]
            ? ["-device", string.Create(CultureInfo.InvariantCulture, $"usb-host,hostbus={bus},hostaddr={device}")]
            : throw new FormatException($"\"{address}\" is no bus:device");

    /// <param name="node">A generic node of the answer.</param>
    public static IEnumerable<string> Scsi(string node) =>
        ["-drive", $"if=none,id=disk,file={node},format=raw", "-device", "scsi-generic,bus=scsi.0,drive=disk"];

    /// <summary>Waits until the firmware or the guest's console has said this; looks seldom, as the VMM needs the processors.</summary>
    public async Task SaysAsync(string words, double seconds)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!Says(words) && Runs && TimeProvider.System.GetElapsedTime(began).TotalSeconds < seconds)
            await Task.Delay(250);
        Assert.True(Says(words), $"\"{words}\" was not said; the firmware said: {Said("firmware")}\nthe console: {Said("console")}");
    }

    private bool Says(string words) =>
        Said("firmware").Contains(words, StringComparison.Ordinal) || Said("console").Contains(words, StringComparison.Ordinal);

    public bool Runs => !_process.HasExited;

    /// <summary>What the firmware said until now.</summary>
    public string Firmware => Said("firmware");

    /// <summary>What the guest said on its console until now.</summary>
    public string Console => Said("console");

    private string Said(string file) => Path.Combine(_files.FullName, file) is var path && File.Exists(path) ? File.ReadAllText(path) : "";

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _files.Delete(true);
    }
}
