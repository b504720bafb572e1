using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Schema;

namespace Hostdev.Sandbox.ApiServer.Access;

/// <summary>What an admission rule is asked before something is written.</summary>
/// <param name="Operation"><c>CREATE</c>, <c>UPDATE</c> (patches too) or <c>DELETE</c>.</param>
/// <param name="Object">As it would be stored; null for a deletion.</param>
/// <param name="OldObject">As it is stored; null for a creation.</param>
public sealed record AdmissionRequest(
    ApiUser User,
    string Operation,
    ServedResource Resource,
    string Subresource,
    string Namespace,
    string Name,
    JsonObject? Object,
    JsonObject? OldObject,
    bool DryRun
);

/// <summary>Asked before every write. Null lets it pass. It must not change the objects.</summary>
public delegate AdmissionRefusal? AdmissionRule(AdmissionRequest request);

/// <summary>An admission rule says no: <c>nodedevicestates.hostdev.io "node-2" is forbidden: MESSAGE</c>.</summary>
public sealed record AdmissionRefusal(string Message, int Code = 422, string Reason = "Invalid")
{
    /// <summary>Of the answer's Status.</summary>
    public ImmutableArray<FieldError> Causes
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}
