using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer;

namespace Hostdev.Tests.Cluster;

/// <summary>A cluster's objects through its API, as an admin's kubectl has them: on any cluster that a kubeconfig names.</summary>
internal sealed class ApiObjects(KubeClient client) : IClusterObjects
{
    private static readonly WriteOptions s_write = new() { FieldManager = "hostdev-tests" };

    public KubeClient Client => client;

    public async Task<JsonObject?> FindAsync(string resource, string name, string ns = "") =>
        (await client.FindAsync(AnyObject.Resource(resource), Key(name, ns), CancellationToken.None))?.Json;

    /// <summary>Empty where the kind is not served.</summary>
    public async Task<ImmutableArray<JsonObject>> ListAsync(string resource, string ns = "")
    {
        try
        {
            return
            [
                .. (
                    await client.ListAsync(
                        AnyObject.Resource(resource),
                        new Selection { Namespace = ns.Length == 0 ? null : ns },
                        CancellationToken.None
                    )
                ).Items.Select(i => i.Json),
            ];
        }
        catch (KubeApiException e) when (e.IsNotServed)
        {
            return [];
        }
    }

    public async Task<JsonObject> CreateAsync(JsonObject json) =>
        (
            await client.CreateAsync(
                AnyObject.Kind((string)json["kind"]!),
                (string?)json["metadata"]!["namespace"],
                json,
                s_write with
                {
                    FieldValidation = FieldValidation.Ignore,
                },
                CancellationToken.None
            )
        ).Json;

    /// <summary>Server-side apply with strict fields; takes fields from others.</summary>
    public async Task<JsonObject> ApplyAsync(JsonObject json, string manager = "hostdev-tests") =>
        (
            await client.ApplyAsync(
                AnyObject.Kind((string)json["kind"]!),
                Key((string)json["metadata"]!["name"]!, (string?)json["metadata"]!["namespace"] ?? ""),
                json,
                s_write with
                {
                    FieldManager = manager,
                    Force = true,
                },
                CancellationToken.None
            )
        ).Json;

    public Task MergeAsync(string resource, string name, JsonObject patch) =>
        client.MergePatchAsync(AnyObject.Resource(resource), Key(name, ""), patch, s_write, CancellationToken.None);

    /// <summary>Reads, changes, replaces; again when somebody else was faster.</summary>
    public async Task<JsonObject> ChangeAsync(
        string resource,
        string name,
        Action<JsonObject> change,
        string ns = "",
        string subresource = "",
        string manager = "hostdev-tests"
    )
    {
        while (true)
        {
            var json = await FindAsync(resource, name, ns) ?? throw new InvalidOperationException($"{resource} {name} is not there");
            change(json);
            try
            {
                var write = new WriteOptions { FieldManager = manager, Subresource = subresource.Length == 0 ? null : subresource };
                return (await client.ReplaceAsync(AnyObject.Resource(resource), Key(name, ns), json, write, CancellationToken.None)).Json;
            }
            catch (KubeApiException e) when (e.IsConflict)
            {
                // Read anew.
            }
        }
    }

    /// <summary>False when it was not there.</summary>
    public async Task<bool> DeleteAsync(string resource, string name, string ns = "")
    {
        try
        {
            await client.DeleteAsync(AnyObject.Resource(resource).Resource, Key(name, ns), new DeleteOptions(), CancellationToken.None);
            return true;
        }
        catch (KubeApiException e) when (e.IsNotFound || e.IsNotServed)
        {
            return false;
        }
    }

    // What the simulated nodes write of themselves, which is little.
    JsonObject? IClusterObjects.Get(string resource, string name, string ns) => Wait(FindAsync(resource, name, ns));

    ImmutableArray<JsonObject> IClusterObjects.List(string resource, string ns) => Wait(ListAsync(resource, ns));

    JsonObject IClusterObjects.Create(JsonObject json) => Wait(CreateAsync(json));

    JsonObject IClusterObjects.Change(
        string resource,
        string name,
        Action<JsonObject> change,
        string ns,
        string subresource,
        string manager
    ) => Wait(ChangeAsync(resource, name, change, ns, subresource, manager));

    bool IClusterObjects.Delete(string resource, string name, string ns) => Wait(DeleteAsync(resource, name, ns));

    private static T Wait<T>(Task<T> task) => Task.Run(() => task).GetAwaiter().GetResult();

    private static ObjectKey Key(string name, string ns) => new(name, ns.Length == 0 ? null : ns);
}
