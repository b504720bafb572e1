using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Serving;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Controllers;

/// <summary>
/// Works on the store as the control plane itself: the same ways of writing as requests have, but nobody's rights are asked.
/// </summary>
internal sealed class ClusterObjects(ObjectStore store, ResourceRegistry registry, ObjectWrites writes, ObjectDeletes deletes)
    : IClusterObjects
{
    private static readonly ApiUser s_user = new("system:kube-controller-manager", [ApiUser.Masters]);

    public JsonObject? Get(string resource, string name, string ns = "")
    {
        var served = Find(resource);
        return store.Get(served.Storage, ns, name) is { } stored ? served.Read(stored) : null;
    }

    public ImmutableArray<JsonObject> List(string resource, string ns = "") =>
        TryFind(resource) is { } served
            ? [.. store.Current(served.Storage).Objects.Values.Where(o => ns.Length == 0 || o.Namespace == ns).Select(served.Read)]
            : [];

    public JsonObject Create(JsonObject json)
    {
        var (apiVersion, kind) = (json.Text("apiVersion"), json.Text("kind"));
        var resource =
            registry.FindKind(apiVersion, kind) ?? throw new InvalidOperationException($"no kind {kind} is served in {apiVersion}");
        return Told(() =>
            writes
                .Create(Request(resource, json["metadata"].Text("namespace"), "", "", "cluster"), (JsonObject)json.DeepClone())
                .Object.Parse()
        );
    }

    public JsonObject Change(
        string resource,
        string name,
        Action<JsonObject> change,
        string ns = "",
        string subresource = "",
        string manager = "cluster"
    ) =>
        Told(() =>
            writes
                .Patch(
                    Request(Find(resource), ns, name, subresource, manager),
                    live =>
                    {
                        change(live);
                        return live;
                    },
                    ""
                )
                .Object.Parse()
        );

    public bool Delete(string resource, string name, string ns = "") => Delete(Find(resource), name, ns, DeleteOptions.None);

    public bool DeleteNow(string resource, string name, string ns) =>
        Delete(Find(resource), name, ns, DeleteOptions.None with { Grace = 0 });

    /// <summary>False when there was none, or not the one that was meant.</summary>
    public bool Delete(ServedResource resource, string name, string ns, DeleteOptions options)
    {
        try
        {
            deletes.Delete(Request(resource, ns, name, "", "cluster"), options);
            return true;
        }
        catch (ApiStatusException e) when (e.Status.Code is 404 or 409)
        {
            return false;
        }
    }

    private ServedResource Find(string resource) =>
        TryFind(resource) ?? throw new InvalidOperationException($"no resource {resource} is served");

    private ServedResource? TryFind(string resource) => registry.All.FirstOrDefault(r => r.GroupResource == resource);

    private static WriteRequest Request(ServedResource resource, string ns, string name, string subresource, string manager) =>
        new(
            s_user,
            resource,
            new RequestInfo("", "update", resource.Group, resource.Version, resource.Plural, subresource, ns, name),
            manager,
            false,
            FieldValidation.Ignore
        )
        {
            MayCreate = () => { },
        };

    private static T Told<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ApiStatusException e)
        {
            throw new InvalidOperationException(e.Status.Message, e);
        }
    }
}
