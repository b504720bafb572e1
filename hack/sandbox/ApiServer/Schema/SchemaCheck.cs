using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>What a real API server refuses of a schema in a CRD.</summary>
internal static class SchemaCheck
{
    /// <param name="path">Where the schema stands in the CRD.</param>
    public static ImmutableArray<FieldError> Validate(JsonObject schema, string path, bool hasStatus)
    {
        var errors = StructureCheck.Validate(schema, path);
        return errors;
    }
}
