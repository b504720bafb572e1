using Hostdev.Sandbox.ApiServer.Access;

namespace Hostdev.Sandbox.ApiServer.Serving;

internal enum FieldValidation
{
    Ignore,
    Warn,
    Strict,
}

/// <summary>What is the same for every way of writing.</summary>
/// <param name="Manager">Who signs the fields.</param>
internal sealed record WriteRequest(
    ApiUser User,
    ServedResource Resource,
    RequestInfo Info,
    string Manager,
    bool DryRun,
    FieldValidation Validation
)
{
    /// <summary>What the answer warns of, one header each.</summary>
    public List<string> Warnings { get; } = [];

    public bool IsStatus => Info.Subresource == "status";

    /// <summary>Asked before an apply or an update makes an object that is not there.</summary>
    public required Action MayCreate { get; init; }
}

/// <summary>What a write led to.</summary>
/// <param name="Made">The object is new.</param>
/// <param name="Changed">Something was stored.</param>
internal sealed record WriteResult(Storage.StoredObject Object, bool Made, bool Changed);
