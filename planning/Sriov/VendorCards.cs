using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Sriov;

/// <summary>Cards whose virtual functions are made by their vendor's own means.</summary>
internal static class VendorCards
{
    private static readonly PciId s_nvidia = new(0x10de);

    /// <summary>A display controller of NVIDIA's; whether its driver is NVIDIA's too is another question (nouveau, nova).</summary>
    public static bool IsNvidia(PciFunction function) => function.Vendor == s_nvidia && function.ClassCode >> 16 == 0x03;

    /// <summary>What an admin runs to make them.</summary>
    public static string ToolFor(PciFunction function) => $"\"/usr/lib/nvidia/sriov-manage -e {function.Address}\"";
}
