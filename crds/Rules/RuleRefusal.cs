namespace Hostdev.Crds.Rules;

/// <summary>What a rule says of a spec that breaks it.</summary>
/// <param name="Path">The field as the API server names it: <c>spec.pools[1].resourceName</c>.</param>
/// <param name="Message">The words of the CRD. They do not repeat the field.</param>
/// <param name="Reason">As in the CRD: <c>FieldValueInvalid</c> or <c>FieldValueRequired</c>.</param>
/// <param name="Value">The refused value as JSON where it is a string or a number; null for anything larger and for what is
/// missing.</param>
public sealed record RuleRefusal(string Path, string Message, string Reason = RuleReasons.Invalid, string? Value = null)
{
    /// <summary>For one who sees nothing but this: <c>spec.numVfs: -1: ...</c>.</summary>
    public override string ToString() => Value is null ? $"{Path}: {Message}" : $"{Path}: {Value}: {Message}";
}

/// <summary>The kinds of refusal that a CRD's rule may name (apiextensions <c>FieldValueErrorReason</c>).</summary>
public static class RuleReasons
{
    public const string Invalid = "FieldValueInvalid";

    public const string Required = "FieldValueRequired";
}
