using Hostdev.Crds.Words;

namespace Hostdev.Planning.Attributes;

/// <summary>What keeps a file that is due from being written now.</summary>
internal static class AttributeChecks
{
    public static Checks<AttributeCase> All { get; } = new(Unusable, FailedLately, HasOtherDriver, InUse, WithSomebody);

    private static Objection? Unusable(AttributeCase it) =>
        it.Reading?.Complaint is { } complaint
            ? Objection.Of(Reasons.AttributeUnusable, $"{it.Target.File} cannot be set to \"{it.Target.Value}\": it {complaint}")
            : null;

    private static Objection? FailedLately(AttributeCase it)
    {
        var (input, purpose) = (it.Situation.Input, it.Target.Purpose);
        return Objection.Of(input.Setbacks.GetValueOrDefault(purpose) ?? input.Contested.GetValueOrDefault(purpose));
    }

    /// <summary>Ours is taken from its vfio driver for it; what the host has of it is not.</summary>
    private static Objection? HasOtherDriver(AttributeCase it) =>
        it.Bound is { Driver: { } driver } vf && !it.Situation.Inventory.Facts.PassthroughDrivers.Contains(driver)
            ? Objection.Of(
                Reasons.AttributeUnusable,
                $"{it.Target.File} cannot be set to \"{it.Target.Value}\" while {vf.Address} is on {driver}: unbind it from that, "
                    + "or let the virtual functions be made anew (numVfs 0, and back)"
            )
            : null;

    private static Objection? WithSomebody(AttributeCase it) =>
        it.Affected.IsEmpty
            ? null
            : Objection.Waits(
                Reasons.InUse,
                $"{it.Target.File} is set to \"{it.Target.Value}\" as soon as {it.Target.Subject} is let go; in use: "
                    + string.Join(", ", it.Affected.Select(u => u.Description))
            );

    private static Objection? InUse(AttributeCase it)
    {
        if (it.Bound is not { } vf)
            return null;
        var users = it.Situation.Input.Usage.UsersOf(vf.Address);
        return users.IsEmpty
            ? null
            : Objection.Waits(
                Reasons.InUse,
                $"{it.Target.File} is set to \"{it.Target.Value}\" as soon as {vf.Address} is let go, because it must have no "
                    + $"driver for it; in use: {string.Join(", ", users.Select(u => u.Description))}"
            );
    }
}
