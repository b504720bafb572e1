using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Sandbox.ApiServer.Admission;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Serving;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Resources;

/// <summary>
/// What is wrong with an object: its names, its metadata (apimachinery <c>pkg/api/validation/objectmeta.go</c>), and by its schema.
/// </summary>
internal static partial class ObjectChecks
{
    private const string NotAName =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
        + "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    /// <summary>The object is of the kind that the path is for, and names itself as the path does.</summary>
    public static void Identity(WriteRequest request, JsonObject json)
    {
        var resource = request.Resource;
        if (!resource.IsCustom)
            Complete(resource, json);
        Kind(resource, json);
        var metadata = json.Ensure("metadata");
        if (!resource.Namespaced)
            metadata.Remove("namespace");
        else if (metadata.Text("namespace").Length == 0)
            metadata["namespace"] = request.Info.Namespace;
        else if (metadata.Text("namespace") != request.Info.Namespace)
            throw Bad("the namespace of the provided object does not match the namespace sent on the request");
        if (request.Info.Name.Length == 0)
            return;
        if (metadata.Text("name").Length == 0)
            metadata["name"] = request.Info.Name;
        else if (metadata.Text("name") != request.Info.Name)
            throw Bad($"the name of the object ({metadata.Text("name")}) does not match the name on the URL ({request.Info.Name})");
    }

    /// <summary>
    /// The decoder of built-in kinds takes from the path what the object does not say (apimachinery
    /// <c>pkg/runtime/serializer/json</c>, defaults of <c>Decode</c>).
    /// </summary>
    private static void Complete(ServedResource resource, JsonObject json)
    {
        if (json.Text("kind").Length == 0)
            json["kind"] = resource.Kind;
        if (json.Text("apiVersion").Length == 0)
            json["apiVersion"] = resource.ApiVersion;
    }

    /// <summary>The object is of the kind that the path is for, and in its version.</summary>
    public static void Kind(ServedResource resource, JsonObject json)
    {
        if (json.Text("kind").Length == 0)
            throw Bad($"Object 'Kind' is missing in '{json.ToJsonString()}'");
        if (json.Text("apiVersion") != resource.ApiVersion)
            throw Bad(
                $"the API version in the data ({json.Text("apiVersion")}) does not match the expected API version ({resource.ApiVersion})"
            );
        if (json.Text("kind") != resource.Kind)
            throw Bad(
                $"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {json.Text("kind")}: no "
                    + $"kind \"{json.Text("kind")}\" is served there"
            );
    }

    /// <summary>Takes away what the schema does not know, fills defaults. A strict client is refused instead.</summary>
    public static void Shape(WriteRequest request, JsonObject json, Func<string, ApiStatus> refuse)
    {
        if (request.Resource.Structure is not { } schema)
            return;
        var unknown = schema.Prune(json).Select(f => $"unknown field \"{f}\"").ToList();
        if (unknown.Count > 0 && request.Validation == FieldValidation.Strict)
            throw new ApiStatusException(refuse($"strict decoding error: {string.Join(", ", unknown)}"));
        if (request.Validation == FieldValidation.Warn)
            request.Warnings.AddRange(unknown);
        schema.ApplyDefaults(json);
    }

    /// <param name="rules">Asked last, and only where the object is what they expect (apiextensions
    /// <c>pkg/registry/customresource/strategy.go</c>).</param>
    public static void Validity(WriteRequest request, JsonObject json, JsonObject? old, IReadOnlyList<SchemaRules> rules)
    {
        var errors = Metadata(request.Resource, json["metadata"]!.AsObject(), old?["metadata"] as JsonObject).ToList();
        if (request.Resource.Structure is { } schema)
            errors.AddRange(request.IsStatus ? schema.ValidateStatus(json, old) : schema.Validate(json, old));
        if (!request.IsStatus && request.Resource.Structure is not null && !errors.Exists(e => e.StopsRules))
            errors.AddRange(rules.SelectMany(r => r(request.Resource, json, old)).ToList());
        if (
            request.Resource.Storage == BuiltInResources.Definitions
            && !request.IsStatus
            && !CustomResourceDefinition.TryParse(json, out _, out var wrong)
        )
            errors.AddRange(wrong);
        var kept = request.Resource.Storage;
        if (kept == BuiltInResources.Policies && !request.IsStatus)
            errors.AddRange(AdmissionPolicyCheck.OfPolicy(json));
        if (kept == BuiltInResources.PolicyBindings)
            errors.AddRange(AdmissionPolicyCheck.OfBinding(json));
        if (errors.Count > 0)
            throw new ApiStatusException(ApiStatus.Invalid(request.Resource, json["metadata"].Text("name"), [.. errors]));
    }

    private static IEnumerable<FieldError> Metadata(ServedResource resource, JsonObject metadata, JsonObject? old)
    {
        var name = metadata.Text("name");
        // Roles may have any name that fits into a path.
        if (old is null && resource.Group != "rbac.authorization.k8s.io" && (!Subdomain().IsMatch(name) || name.Length > 253))
            yield return FieldError.Invalid("metadata.name", name, NotAName);
        foreach (var (key, value) in metadata["labels"] as JsonObject ?? [])
        {
            if (!LabelKey().IsMatch(key))
                yield return FieldError.Invalid(
                    "metadata.labels",
                    key,
                    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
                        + "an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
                        + "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
                );
            if (value.AsText() is not { } text || !LabelValue().IsMatch(text))
                yield return FieldError.Invalid(
                    "metadata.labels",
                    value,
                    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
                        + "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
                        + "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                );
        }

        if (old?["deletionTimestamp"] is null)
            yield break;
        var added = metadata.Texts("finalizers").Except(old.Texts("finalizers")).ToImmutableArray();
        if (!added.IsEmpty)
        {
            yield return FieldError.Forbidden(
                "metadata.finalizers",
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                    + $"[]string{{{string.Join(", ", added.Select(GoText.Quote))}}}"
            );
        }
    }

    private static ApiStatusException Bad(string message) => new(ApiStatus.BadRequest(message));

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex Subdomain();

    [GeneratedRegex("^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")]
    private static partial Regex LabelKey();

    [GeneratedRegex("^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")]
    private static partial Regex LabelValue();
}
