using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer;

/// <summary>
/// The stored objects, for whoever plays the cluster's other parts and for tests that ask what is: no request, no record, no fault.
/// </summary>
public interface IClusterObjects
{
    /// <summary>A copy; null when there is none.</summary>
    /// <param name="resource">As RBAC and errors name it: <c>nodes</c>, <c>hostdevices.hostdev.io</c>.</param>
    JsonObject? Get(string resource, string name, string ns = "");

    /// <summary>
    /// Copies, by namespace and name; none where the resource is not served: its CustomResourceDefinition may be deleted.
    /// </summary>
    ImmutableArray<JsonObject> List(string resource, string ns = "");

    /// <summary>Makes an object; its kind and namespace stand in it. The object with what the server set.</summary>
    /// <exception cref="InvalidOperationException">With the server's words, where it would refuse.</exception>
    JsonObject Create(JsonObject json);

    /// <summary>
    /// Changes an object in place by a function, through the main path or <c>/status</c>; with a name that signs the fields.
    /// </summary>
    JsonObject Change(
        string resource,
        string name,
        Action<JsonObject> change,
        string ns = "",
        string subresource = "",
        string manager = "cluster"
    );

    /// <summary>False when there was none.</summary>
    bool Delete(string resource, string name, string ns = "");
}
