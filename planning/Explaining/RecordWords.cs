using System.Collections.Immutable;
using System.Globalization;
using Hostdev.Crds;

namespace Hostdev.Planning.Explaining;

/// <summary>What is recorded of a device, in the words an admin reads.</summary>
internal static class RecordWords
{
    public static ImmutableArray<string> Of(PlanningInput input, DeviceId device)
    {
        var owned = input.Ownership;
        return
        [
            .. Each(
                owned.Functions.GetValueOrDefault(device),
                f =>
                    f.OriginalDriver is { } driver
                        ? $"taken from {driver}{Before(f.OriginalOverride)} for {Policy(f.PolicyUid)}, and goes back to that"
                        : $"taken for {Policy(f.PolicyUid)}; it had no driver before{Before(f.OriginalOverride)}"
            ),
            .. Each(
                owned.PhysicalFunctions.GetValueOrDefault(device),
                f =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"had {f.OriginalNumVfs} virtual functions before, and sriov_drivers_autoprobe {(f.OriginalAutoprobe ? 1 : 0)}; "
                    )
                    + $"for {Policy(f.PolicyUid)} {Number(f.Asked)} were asked for, "
                    + (f.SetupOpen ? "and are being made" : $"and {Number(f.Made)} made")
            ),
            .. owned
                .Attributes.Where(a => a.File.Device == device)
                .Select(a =>
                    $"{a.File.Name} was {a.Original ?? "not to be read"} before, and {a.Asked} was "
                    + $"{(a.IsSet ? "written" : "to be written")} for {Policy(a.PolicyUid)}"
                ),
            .. Each(
                owned.Mdevs.GetValueOrDefault(device),
                m =>
                    $"made on {m.Parent}, of type {m.TypeId}, for {Policy(m.PolicyUid)}{(m.Attributes is { } text ? $", with {text}" : "")}"
            ),
            .. Each(
                owned.Vgpus.GetValueOrDefault(device),
                v =>
                    $"given the vGPU type {v.TypeId} for {Policy(v.PolicyUid)}"
                    + (v.IsOfEarlierBoot ? " in the boot before, and not in this one" : "")
            ),
            .. Each(owned.Loans.GetValueOrDefault(device), l => $"lent to a pod as {l.Lent}, for {Policy(l.PolicyUid)}"),
            .. Each(
                owned.Health.GetValueOrDefault(device),
                h => h.Fault is { } fault ? $"out of service: {fault}" : "was out of service, and a reset has proven it"
            ),
        ];

        string Policy(string uid) =>
            input.Policies.FirstOrDefault(p => p.Identity.Uid == uid) is { } policy ? policy.Identity.ToString()
            : uid.Length == 0 ? "a policy that is not known any more"
            : $"a policy that is gone (uid {uid})";
    }

    private static IEnumerable<string> Each<T>(T? record, Func<T, string> words)
        where T : class => record is null ? [] : [words(record)];

    private static string Before(string? driverOverride) => driverOverride is null ? "" : $" and the driver_override {driverOverride}";

    private static string Number(int? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "an unknown number";
}
