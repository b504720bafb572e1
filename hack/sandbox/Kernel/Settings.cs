using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// Settings of functions beside what passes them on: power management (kernel <c>Documentation/ABI/testing/sysfs-devices-power</c>),
/// interrupt vectors of virtual functions (<c>drivers/pci/iov.c</c>), and what Intel's xe has for the functions of a card
/// (<c>Documentation/ABI/testing/sysfs-driver-intel-xe-sriov</c>).
/// </summary>
internal sealed class Settings(KernelCore core)
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    /// <summary>As firmware of today has it: the physical function alone may be given another priority.</summary>
    private static readonly string[] Priorities = ["low", "normal", "high"];

    public void AddAttributes(PciDevice device)
    {
        Show(device, "power/control", "on", text => text is "on" or "auto" ? text : null);
        Show(
            device,
            "d3cold_allowed",
            device.PhysicalFunction is null ? "1" : "0",
            text => KernelNumber.Truth(text) is { } on ? (on ? "1" : "0") : null
        );
        if (device.PhysicalFunction is { } pf)
            core.Attribute(device.Path + "/sriov_vf_msix_count", text => SetVectors(pf, device, text));
        if (device.Description.Sriov is { HasAdmin: true } sriov)
            AddAdmin(device, sriov);
    }

    /// <summary>
    /// A vfio driver lets its devices sleep while nobody has them (kernel <c>vfio_pci_core_register_device: pm_runtime_allow</c>).
    /// </summary>
    public static void LetSleep(KernelCore core, PciDevice device, bool may) =>
        core.Tree.WriteFile(device.Path + "/power/control", may ? "auto\n" : "on\n");

    /// <summary>Virtual functions are gone, and with them what memory of the card they had.</summary>
    public void VfsGone(PciDevice pf)
    {
        for (var n = 1; pf.Description.Sriov is { HasAdmin: true } sriov && n <= sriov.TotalVfs; n++)
            core.Tree.WriteFile(string.Create(Invariant, $"{pf.Path}/sriov_admin/vf{n}/profile/vram_quota"), "0\n");
    }

    private Errno SetVectors(PciDevice pf, PciDevice vf, string text)
    {
        if (!KernelNumber.TryUnsigned(text, out var count))
            return Errno.EINVAL;
        if (pf.Description.Sriov!.VfVectors == 0)
            return Errno.EOPNOTSUPP; // its driver has no sriov_set_msix_vec_count
        if (vf.Driver is not null)
            return Errno.EBUSY;
        vf.Vectors = (int)count;
        return Errno.None;
    }

    private void AddAdmin(PciDevice pf, SriovDescription sriov)
    {
        var admin = pf.Path + "/sriov_admin";
        core.Tree.AddDirectory(
            admin,
            directory =>
            {
                for (var n = 0; n <= sriov.TotalVfs; n++)
                {
                    var (name, isPf) = (n == 0 ? "pf" : string.Create(Invariant, $"vf{n}"), n == 0);
                    directory.AddDirectory(
                        name,
                        of =>
                        {
                            if (isPf)
                                of.WriteLink("device", pf.Path);
                            of.AddDirectory(
                                "profile",
                                profile =>
                                {
                                    profile.WriteFile("exec_quantum_ms", "0\n");
                                    profile.WriteFile("preempt_timeout_us", "0\n");
                                    profile.WriteFile("sched_priority", Choice("low", isPf), isPf ? 0x1a4 : 0x124);
                                    if (!isPf)
                                        profile.WriteFile("vram_quota", "0\n");
                                }
                            );
                        }
                    );
                }

                directory.AddDirectory(
                    ".bulk_profile",
                    bulk =>
                    {
                        foreach (var name in (string[])["exec_quantum_ms", "preempt_timeout_us", "sched_priority", "vram_quota"])
                            bulk.WriteFile(name, "", 0x80);
                    }
                );
            }
        );
        for (var n = 0; n <= sriov.TotalVfs; n++)
        {
            var profile = $"sriov_admin/{(n == 0 ? "pf" : string.Create(Invariant, $"vf{n}"))}/profile";
            Number(pf, $"{profile}/exec_quantum_ms");
            Number(pf, $"{profile}/preempt_timeout_us");
            if (n == 0)
                Take(pf, $"{profile}/sched_priority", text => Priorities.Contains(text) ? Choice(text, isPf: true) : null);
            else
                Number(pf, $"{profile}/vram_quota");
        }

        foreach (var name in (string[])["exec_quantum_ms", "preempt_timeout_us", "vram_quota"])
            core.Attribute($"{admin}/.bulk_profile/{name}", text => WriteAll(pf, sriov, name, text));
    }

    private Errno WriteAll(PciDevice pf, SriovDescription sriov, string name, string text)
    {
        if (!ulong.TryParse(text, NumberStyles.None, Invariant, out var number))
            return Errno.EINVAL;
        for (var n = name == "vram_quota" ? 1 : 0; n <= sriov.TotalVfs; n++)
        {
            var of = n == 0 ? "pf" : string.Create(Invariant, $"vf{n}");
            core.Tree.WriteFile($"{pf.Path}/sriov_admin/{of}/profile/{name}", string.Create(Invariant, $"{Rounded(name, number)}\n"));
        }

        return Errno.None;
    }

    private void Number(PciDevice pf, string file) =>
        Take(
            pf,
            file,
            text =>
                ulong.TryParse(text, NumberStyles.None, Invariant, out var number)
                    ? string.Create(Invariant, $"{Rounded(Path.GetFileName(file), number)}\n")
                    : null
        );

    /// <summary>Memory of the card is divided in pages of 2 MiB.</summary>
    private static ulong Rounded(string name, ulong number) => name == "vram_quota" ? number / 0x200000 * 0x200000 : number;

    private static string Choice(string chosen, bool isPf) =>
        string.Join(' ', Priorities.Take(isPf ? 3 : 2).Select(p => p == chosen ? $"[{p}]" : p)) + "\n";

    private void Show(PciDevice device, string file, string first, Func<string, string?> take)
    {
        core.Tree.WriteFile($"{device.Path}/{file}", first + "\n");
        Take(device, file, text => take(text) is { } now ? now + "\n" : null);
    }

    /// <param name="take">What the file reads then; null for EINVAL.</param>
    private void Take(PciDevice device, string file, Func<string, string?> take)
    {
        var path = $"{device.Path}/{file}";
        core.Attribute(
            path,
            text =>
            {
                if (take(text.TrimEnd('\n')) is not { } now)
                    return Errno.EINVAL;
                core.Tree.WriteFile(path, now);
                return Errno.None;
            }
        );
    }
}
