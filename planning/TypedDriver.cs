namespace Hostdev.Planning;

/// <summary>
/// The driver of a function and the type that it was told to give it, in the text <c>driver/type</c>: no driver has a slash in its name.
/// So a type that changed is as much another device as a driver that did.
/// </summary>
public readonly record struct TypedDriver(string Driver, string TypeId)
{
    /// <summary>Null for a driver alone.</summary>
    public static TypedDriver? TryParse(string text) => text.Split('/') is [var driver, var type] ? new TypedDriver(driver, type) : null;

    public override string ToString() => $"{Driver}/{TypeId}";
}
