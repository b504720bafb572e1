using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>What is wrong with a custom resource by rules that are not in its schema. It must not change the objects.</summary>
/// <param name="old">What stands in its place; null for a creation.</param>
public delegate IEnumerable<FieldError> SchemaRules(ServedResource resource, JsonObject json, JsonObject? old);
