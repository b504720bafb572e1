using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// Validation as a real API server does it: the schema's keywords (kube-openapi <c>pkg/validation/validate</c>), then what list types
/// promise.
/// </summary>
internal static class SchemaValidation
{
    public static ImmutableArray<FieldError> Validate(JsonObject resource, JsonObject? old, StructuralSchema schema)
    {
        var previous = old is null ? Previous.None : new Previous(old);
        return WithRules([.. SchemaWalk.Validate(schema, resource, previous, "").Errors, .. ListTypeErrors(resource, old, schema)], schema);
    }

    /// <summary>The status is validated as if it stood alone: messages name its fields from there, paths from the root.</summary>
    public static ImmutableArray<FieldError> ValidateStatus(JsonObject resource, JsonObject? old, StructuralSchema schema)
    {
        if (!resource.TryGetPropertyValue("status", out var status) || schema.Member("status") is not { } statusSchema)
            return ListTypeErrors(resource, old, schema);
        var previous = old is null ? Previous.None : new Previous(old).Member("status");
        var errors = SchemaWalk.Validate(statusSchema, status, previous, "").Errors;
        return WithRules(
            [
                .. errors.Select(e => e with { Path = e.Path == FieldError.NoPath ? "status" : $"status.{e.Path}" }),
                .. ListTypeErrors(resource, old, schema),
            ],
            schema
        );
    }

    /// <summary>Where the schema has rules of which nobody asks any more, the API server says so.</summary>
    private static ImmutableArray<FieldError> WithRules(ImmutableArray<FieldError> errors, StructuralSchema schema) =>
        schema.HasRules && errors.Any(e => e.StopsRules) ? [.. errors, FieldError.RulesNotChecked] : errors;

    /// <summary>
    /// An object that had duplicates before may keep them (status_strategy.go: "ratcheting validation of x-kubernetes-list-type").
    /// </summary>
    private static ImmutableArray<FieldError> ListTypeErrors(JsonObject resource, JsonObject? old, StructuralSchema schema)
    {
        var errors = ListTypes.Validate(resource, schema, "");
        return old is null || errors.IsEmpty || ListTypes.Validate(old, schema, "").IsEmpty ? errors : [];
    }
}
