namespace Hostdev.Sandbox.ApiServer.Admission;

/// <summary>A policy says no.</summary>
/// <param name="Reason">Of the answer's Status.</param>
internal sealed record AdmissionDecision(string Message, string Reason = AdmissionDecision.Invalid)
{
    public const string Invalid = "Invalid";

    /// <summary>What a validation's reason may be, and the answer's code (apiserver <c>plugin/policy/validating</c>).</summary>
    private static readonly Dictionary<string, int> s_codes = new()
    {
        ["Unauthorized"] = 401,
        ["Forbidden"] = 403,
        [Invalid] = 422,
        ["RequestEntityTooLarge"] = 413,
    };

    public static IReadOnlyCollection<string> Reasons => s_codes.Keys;

    public int Code => s_codes[Reason];
}
