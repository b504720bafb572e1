using System.Globalization;
using System.Text;

namespace Hostdev.Sandbox.Kernel;

/// <summary>Files of <c>/proc</c> that follow from the description alone.</summary>
internal static class MachineFiles
{
    /// <summary>
    /// With interrupt remapping the chips' names begin with <c>IR-</c>: the one sign that it is on (contracts/kernel.md, "More about
    /// binding").
    /// </summary>
    public static string Interrupts(MachineDescription machine)
    {
        var prefix = machine.InterruptRemapping ? "IR-" : "";
        var text = new StringBuilder("           CPU0       CPU1       \n");
        (int Number, string Chip, string Name)[] lines =
        [
            (0, prefix + "IO-APIC   2-edge", "timer"),
            (4, prefix + "IO-APIC   4-edge", "ttyS0"),
            (9, prefix + "IO-APIC   9-fasteoi", "acpi"),
            (24, "DMAR-MSI   0-edge", "dmar0"),
            (25, prefix + "PCI-MSIX-0000:00:10.0   0-edge", "PCIe PME, aerdrv"),
        ];
        foreach (var (number, chip, name) in lines)
            text.Append(CultureInfo.InvariantCulture, $"{number, 3}:{105, 11}{0, 11}  {chip}      {name}\n");
        return text.Append("NMI:          0          0   Non-maskable interrupts\nERR:          0\n").ToString();
    }
}
