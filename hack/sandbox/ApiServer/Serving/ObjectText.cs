using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>Objects as a client asked for them.</summary>
internal sealed class ObjectText(ServedResource resource, OutputForm form, IncludeObject include, DateTimeOffset now)
{
    public OutputForm Form => form;

    /// <summary>
    /// The text of one object. Where it was written in another version or belongs to another group's form of the kind, it is converted.
    /// </summary>
    public ReadOnlyMemory<byte> Of(StoredObject stored, bool withColumns = true) =>
        form switch
        {
            OutputForm.Metadata => Join(
                "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":",
                stored.Metadata,
                "}"
            ),
            OutputForm.Table => Utf8(Table([stored], stored.Revision.ToString(), "", null, withColumns)),
            _ when stored.ApiVersion == resource.ApiVersion && resource.IsAsStored(stored) => stored.Json,
            _ => Utf8(Converted(stored)),
        };

    /// <summary>Writes a list.</summary>
    public async Task WriteListAsync(
        Stream body,
        IReadOnlyList<StoredObject> objects,
        long revision,
        string next,
        long? remaining,
        CancellationToken cancellationToken
    )
    {
        if (form == OutputForm.Table)
        {
            await body.WriteAsync(Utf8(Table(objects, revision.ToString(), next, remaining, true)), cancellationToken);
            return;
        }

        var (kind, version) =
            form == OutputForm.Metadata ? ("PartialObjectMetadataList", "meta.k8s.io/v1") : (resource.ListKind, resource.ApiVersion);
        var metadata = ListMetadata(revision.ToString(), next, remaining);
        await body.WriteAsync(
            Encoding.UTF8.GetBytes(
                $"{{\"kind\":\"{kind}\",\"apiVersion\":\"{version}\",\"metadata\":{metadata.ToJsonString()},\"items\":["
            ),
            cancellationToken
        );
        for (var i = 0; i < objects.Count; i++)
        {
            if (i > 0)
                await body.WriteAsync(","u8.ToArray(), cancellationToken);
            await WriteItemAsync(body, objects[i], cancellationToken);
        }

        await body.WriteAsync("]}"u8.ToArray(), cancellationToken);
    }

    /// <summary>A bookmark's object: a kind and a resourceVersion.</summary>
    public ReadOnlyMemory<byte> Bookmark(long revision, bool endsInitialEvents)
    {
        var metadata = new JsonObject { ["resourceVersion"] = revision.ToString() };
        if (endsInitialEvents)
            metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        var (kind, version) = form switch
        {
            OutputForm.Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1"),
            OutputForm.Table => ("Table", "meta.k8s.io/v1"),
            _ => (resource.Kind, resource.ApiVersion),
        };
        var json = new JsonObject
        {
            ["kind"] = kind,
            ["apiVersion"] = version,
            ["metadata"] = metadata,
        };
        if (form == OutputForm.Table)
            (json["columnDefinitions"], json["rows"]) = (new JsonArray(), new JsonArray());
        return Utf8(json);
    }

    private async Task WriteItemAsync(Stream body, StoredObject stored, CancellationToken cancellationToken)
    {
        // Lists of kinds that are Go types say the kind of their items once; lists of custom resources say it in each item.
        if (form == OutputForm.Object && !resource.IsCustom && stored.ApiVersion == resource.ApiVersion)
        {
            await body.WriteAsync("{"u8.ToArray(), cancellationToken);
            await body.WriteAsync(stored.JsonAfterType, cancellationToken);
        }
        else
        {
            await body.WriteAsync(Of(stored), cancellationToken);
        }
    }

    private JsonObject Converted(StoredObject stored)
    {
        var json = resource.Read(stored);
        EventForms.Convert(json, resource);
        json["apiVersion"] = resource.ApiVersion;
        return json;
    }

    private JsonObject Table(IReadOnlyList<StoredObject> objects, string revision, string next, long? remaining, bool withColumns) =>
        new TableWriter(resource.Description, now).Write(
            objects.Select(Converted),
            ListMetadata(revision, next, remaining),
            include,
            headers: withColumns
        );

    private static JsonObject ListMetadata(string revision, string next, long? remaining)
    {
        var metadata = new JsonObject { ["resourceVersion"] = revision };
        if (next.Length > 0)
            metadata["continue"] = next;
        if (remaining is { } count)
            metadata["remainingItemCount"] = count;
        return metadata;
    }

    private static byte[] Utf8(JsonObject json) => Encoding.UTF8.GetBytes(json.ToJsonString());

    private static byte[] Join(string before, ReadOnlyMemory<byte> middle, string after) =>
        [.. Encoding.UTF8.GetBytes(before), .. middle.Span, .. Encoding.UTF8.GetBytes(after)];
}
