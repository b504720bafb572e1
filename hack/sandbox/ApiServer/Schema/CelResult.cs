namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>What an expression came to.</summary>
/// <param name="Value">Null may be a value.</param>
/// <param name="Error">Why there is no value; null where there is one.</param>
internal readonly record struct CelResult(object? Value, string? Error = null)
{
    public bool IsTrue => Value is true;

    public bool IsFalse => Value is false;

    public static CelResult Failed(string why) => new(null, why);
}
