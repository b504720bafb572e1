using System.Globalization;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;
using Hostdev.Planning.Lending;

namespace Hostdev.Planning.Scsi;

/// <summary>SCSI devices, each by what it calls itself.</summary>
internal static class ScsiPlanner
{
    public static PolicyWishes WishesOf(Situation situation, DesiredPolicy.OfHostDevice policy, ScsiDevices scsi)
    {
        var devices = situation.Inventory.ScsiDevices.Where(d => scsi.Selectors.Any(s => Matches(s, d))).DistinctBy(d => d.Id).ToList();
        return new PolicyWishes
        {
            Matched = devices.Count,
            Hint = devices.Count == 0 ? Hint(situation) : null,
            Wishes =
            [
                .. devices
                    .OrderBy(d => d.Id)
                    .Select(d => LoanPlanner.WishFor(CaseOf(situation, policy, scsi, d), Checks, policy.Spec.DeviceFile)),
            ],
        };
    }

    /// <summary>By every word of the selector; vendor and model alone mean those that have a name and are not the machine's own.</summary>
    public static bool Matches(ScsiSelector selector, ScsiDevice device) =>
        (!IsByNameAlone(device) || selector.Serial is not null || selector.Wwid is not null || selector.Address is not null)
        && (selector.Vendor is null || selector.Vendor == device.Vendor)
        && (selector.Model is null || selector.Model == device.Model)
        && (selector.Serial is null || selector.Serial == device.Serial)
        && (selector.Wwid is null || (device.Wwid is { } wwid && Words(selector.Wwid) == Words(wwid)))
        && (selector.Address is null || selector.Address == device.Address);

    private static LoanCase CaseOf(Situation situation, DesiredPolicy.OfHostDevice policy, ScsiDevices scsi, ScsiDevice device) =>
        new(situation, policy, new Handout.ScsiNode { Disk = device.Id, Name = device.Name ?? $"at {device.Address}" })
        {
            Unreadable = device.Unreadable,
            PassesOver = scsi.Selectors.Where(s => Matches(s, device)).All(s => s.OnProtected == OnProtected.PassOver),
            IsNameless = device.Name is null,
            Called = $"{device.Address}, {device.Vendor} {device.Model}",
        };

    private static Checks<LoanCase> Checks { get; } = new(SecondPath);

    /// <summary>
    /// One disk that is reached in two ways: whoever has one of them writes what the other one has cached, and a map of the host's stands
    /// on both.
    /// </summary>
    private static Objection? SecondPath(LoanCase it)
    {
        var inventory = it.Situation.Inventory;
        if (it.IsLent || it.Handout is not Handout.ScsiNode { Disk: var disk, Name: var name } || inventory.Scsi(disk) is not { } device)
            return null;
        var others = inventory.AlsoAt(device).Select(d => d.Address).ToList();
        return others.Count == 0 ? null : Objection.Of(Reasons.SeveralPaths, ScsiPaths.Sentence(name, device.Address, others));
    }

    /// <summary>
    /// The machine's own disks are libata's as a rule: a vendor or a model that matches them too is no word of an admin's about them. What
    /// has no name is known only as long as it is there.
    /// </summary>
    private static bool IsByNameAlone(ScsiDevice device) => device.IsLibata || device.Name is null;

    /// <summary>What there is, for a policy that matches nothing.</summary>
    private static string Hint(Situation situation)
    {
        var there = situation.Inventory.ScsiDevices;
        return there.IsEmpty
            ? ": it has no SCSI device with a generic node (modprobe sg)"
            : string.Create(CultureInfo.InvariantCulture, $", which has {there.Length} on SCSI: ")
                + string.Join(", ", there.Take(8).Select(d => $"{d.Address} ({d.Vendor} {d.Model}, {d.Name ?? "without a name"})"))
                + (there.Any(d => d.IsLibata) ? "; disks of vendor ATA are matched by serial, wwid or address alone" : "")
                + (there.Any(d => d.Name is null) ? "; what has neither wwid nor serial by its address, for as long as it is there" : "");
    }

    private static string Words(string text) => string.Join(' ', text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
