using System.Collections.Immutable;

namespace Hostdev.Crds.Words;

/// <summary>
/// Every file that <c>attributes</c> can name, in one table: what is not here is not written, whatever a driver shows in its directory.
/// One that is new is an entry here, and its path in the rules of the CRDs.
/// </summary>
public static class WritableFiles
{
    private const string Quantum =
        "how many milliseconds of the GPU {0} gets at a time (`exec_quantum_ms`); 0 is without limit. Intel xe, Linux 6.19";
    private const string Timeout =
        "how many microseconds later {0} is torn from the GPU (`preempt_timeout_us`); 0 is never. Intel xe, Linux 6.19";
    private const string Priority =
        "`low`, `normal` or `high`: when {0} gets the GPU. Intel xe, Linux 6.19; read-only where the firmware says so";
    private const string Quota =
        "bytes of the card's memory for {0}; with a number there before virtual functions are made, the driver divides nothing "
        + "itself. Intel xe, Linux 7.0";

    /// <summary>In the guide's order.</summary>
    public static ImmutableArray<WritableFile> All { get; } =
    [
        .. Xe("sriov_admin/pf/profile", WritableOf.PhysicalFunction, "the physical function", hasQuota: false),
        .. Xe("sriov_admin/vfN/profile", WritableOf.VirtualFunction, "this virtual function", hasQuota: true),
        .. Xe("sriov_admin/.bulk_profile", WritableOf.PhysicalFunction, "each function of the card", hasQuota: true),
        new(
            "sriov_vf_msix_count",
            WritableOf.VirtualFunction,
            "how many interrupt vectors (MSI-X) it has, of those that the card divides (`sriov_vf_total_msix`). Write-only; "
                + "written before it has a driver. Linux 5.13, mlx5 and nvme among others"
        )
        {
            NeedsUnbound = true,
        },
        new(
            "d3cold_allowed",
            WritableOf.PhysicalFunction | WritableOf.VirtualFunction,
            "`0` keeps its power on while nobody uses it: for cards that do not come back from D3cold"
        ),
        new(
            "power/control",
            WritableOf.PhysicalFunction | WritableOf.VirtualFunction,
            "`on` keeps it awake while nobody uses it, `auto` lets the kernel suspend it"
        ),
        new(
            "nvidia/vgpu_params",
            WritableOf.MediatedDevice,
            "parameters of NVIDIA's vGPU plugin, for example `frame_rate_limiter=0`; read when a VM starts"
        ),
        new("assign_adapter", WritableOf.MediatedDevice, "gives it a cryptographic adapter, by number. s390 `vfio_ap`, write-only"),
        new("assign_domain", WritableOf.MediatedDevice, "gives it a usage domain, by number. s390 `vfio_ap`, write-only"),
        new("assign_control_domain", WritableOf.MediatedDevice, "gives it a control domain, by number. s390 `vfio_ap`, write-only"),
    ];

    /// <summary>Null for a path that is not written.</summary>
    public static WritableFile? Find(string path) => All.FirstOrDefault(f => f.Path == path);

    public static IEnumerable<WritableFile> For(WritableOf devices) => All.Where(f => (f.Of & devices) != WritableOf.None);

    private static IEnumerable<WritableFile> Xe(string directory, WritableOf of, string whose, bool hasQuota)
    {
        WritableFile File(string name, string what) => new($"{directory}/{name}", of, what.Replace("{0}", whose, StringComparison.Ordinal));
        yield return File("exec_quantum_ms", Quantum);
        yield return File("preempt_timeout_us", Timeout);
        yield return File("sched_priority", Priority);
        if (hasQuota)
            yield return File("vram_quota", Quota);
    }
}
