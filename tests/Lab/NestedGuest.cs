using Hostdev.Tests.Scenarios;

namespace Hostdev.Tests.Lab;

/// <summary>
/// A Linux for <see cref="NestedVmm"/>: the kernel that the node runs itself, the modules for USB and SCSI disks and igb's virtual
/// functions, and an init that runs one script in busybox's shell and switches the guest off. What the script says is on the console.
/// </summary>
internal sealed class NestedGuest : IDisposable
{
    private const string Modules = "xhci-pci usb-storage virtio_scsi sd_mod igbvf";
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("nested-guest-");

    /// <param name="script">Runs with <c>/proc</c>, <c>/sys</c> and <c>/dev</c> there and the modules loaded.</param>
    public NestedGuest(string script)
    {
        var tree = Directory.CreateDirectory(Path.Combine(_files.FullName, "tree")).FullName;
        var init = $"""
            #!/bin/busybox sh
            /bin/busybox --install -s /bin
            mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
            for module in $(cat /modules/order); do insmod /modules/$module; done
            {script}
            poweroff -f
            """;
        File.WriteAllText(Path.Combine(tree, "init"), init.ReplaceLineEndings("\n") + "\n");
        Command.Run("bash", "-euc", Pack, "pack", tree, Root, Initramfs);
    }

    /// <summary>QEMU's arguments that start it.</summary>
    public IEnumerable<string> Arguments =>
        [
            "-kernel",
            $"{Root}/boot/vmlinuz-{File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}",
            "-initrd",
            Initramfs,
            "-append",
            "console=ttyS0 panic=-1 mitigations=off audit=0 random.trust_cpu=on no_timer_check nohz=off highres=off lpj=4000000",
        ];

    public void Dispose() => _files.Delete(true);

    private static string Root => Environment.GetEnvironmentVariable("HOSTDEV_LAB_QEMU") ?? throw new InvalidOperationException("no lab");

    private string Initramfs => Path.Combine(_files.FullName, "initramfs");

    /// <summary>Modules with what they need, each once and in order, beside busybox: as the node's own initramfs is made.</summary>
    private const string Pack = $"""
        cd "$1"; chmod +x init; mkdir bin dev proc sys modules
        cp "$2/bin/busybox" bin/
        for module in {Modules}; do modprobe --show-depends $module; done | awk '$1 == "insmod" && !seen[$2]++ {"{ print $2 }"}' >order
        while read -r path; do cp "$path" modules/; echo "$(basename "$path")"; done <order >modules/order
        find . | LD_LIBRARY_PATH=$2/usr/lib/x86_64-linux-gnu "$2/bin/cpio" -o -H newc >"$3"
        """;
}
