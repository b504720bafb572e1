using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Apply;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>
/// Creates and changes objects: identity, what the server sets, schema, ownership of fields, checks, admission, then the store. Throws what
/// the client is told.
/// </summary>
internal sealed class ObjectWrites(
    ObjectStore store,
    TimeProvider time,
    Func<IReadOnlyList<SchemaRules>> schemas,
    Func<IReadOnlyList<AdmissionRule>> admission
)
{
    private const int Attempts = 10;
    private const string NameLetters = "bcdfghjklmnpqrstvwxz2456789"; // apimachinery util/rand: no vowels, no look-alikes

    public WriteResult Create(WriteRequest request, JsonObject json)
    {
        ObjectChecks.Identity(request, json);
        var metadata = json.Ensure("metadata");
        if (metadata.Text("resourceVersion").Length > 0)
            throw Bad("resourceVersion should not be set on objects to be created");
        RequireNamespace(request);
        var generated = metadata.Text("name").Length == 0 && metadata.Text("generateName").Length > 0;
        if (metadata.Text("name").Length == 0 && !generated)
        {
            throw new ApiStatusException(
                ApiStatus.Invalid(request.Resource, "", [FieldError.Required("metadata.name", "name or generateName is required")])
            );
        }

        for (var attempt = 1; ; attempt++)
        {
            var candidate = (JsonObject)json.DeepClone();
            if (generated)
                candidate["metadata"]!["name"] = metadata.Text("generateName") + new string(Random.Shared.GetItems<char>(NameLetters, 5));
            var name = candidate["metadata"].Text("name");
            ObjectChecks.Shape(request, candidate, DecodingRefusal(request));
            ObjectPreparation.ForCreate(request.Resource, candidate, time.GetUtcNow());
            Ownership(request).Update([], candidate, Key(request, applies: false));
            if (Insert(request, candidate) is { } result)
                return result;
            if (!generated || attempt == Attempts)
                throw new ApiStatusException(ApiStatus.AlreadyExists(request.Resource, name));
        }
    }

    /// <summary>A whole object in the place of another (PUT).</summary>
    public WriteResult Replace(WriteRequest request, JsonObject json)
    {
        ObjectChecks.Identity(request, json);
        if (
            json["metadata"].Text("resourceVersion").Length == 0
            && (request.Resource.IsCustom || request.Resource.Plural is "leases" or "customresourcedefinitions")
        )
        {
            throw new ApiStatusException(
                ApiStatus.Invalid(
                    request.Resource,
                    request.Info.Name,
                    [new FieldError("FieldValueInvalid", "metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update")]
                )
            );
        }

        return Change(request, _ => (JsonObject)json.DeepClone(), DecodingRefusal(request));
    }

    /// <summary>Changes what is there by a patch that is computed anew if somebody else is faster.</summary>
    public WriteResult Patch(WriteRequest request, Func<JsonObject, JsonObject> patch, string patchText) =>
        Change(
            request,
            live => patch((JsonObject)live.DeepClone()),
            strict => ApiStatus.Invalid(request.Resource, "", [FieldError.Invalid("patch", patchText, strict)])
        );

    /// <summary>Server-side apply: makes the object or merges the configuration into it.</summary>
    public WriteResult Apply(WriteRequest request, JsonObject applied, bool force)
    {
        var (resource, info) = (request.Resource, request.Info);
        if (applied.Text("apiVersion") != resource.ApiVersion)
            throw Bad(
                $"Incorrect version specified in apply patch. Specified patch version: {applied.Text("apiVersion")}, "
                    + $"expected: {resource.ApiVersion}"
            );
        ObjectChecks.Kind(resource, applied);
        if (applied["metadata"]?["managedFields"] is not null)
            throw Bad("metadata.managedFields must be nil");
        ObjectChecks.Identity(request, applied);
        var key = Key(request, applies: true);
        for (var attempt = 1; ; attempt++)
        {
            WriteResult? result;
            if (store.Get(resource.Storage, info.Namespace, info.Name) is { } stored)
            {
                var live = resource.Read(stored);
                EventForms.Convert(live, resource);
                result = Store(
                    request,
                    stored,
                    live,
                    () => Ownership(request).Apply(live, applied, key, force),
                    signs: false,
                    DecodingRefusal(request)
                );
            }
            else
            {
                if (request.IsStatus)
                    throw new ApiStatusException(ApiStatus.NotFound(resource, info.Name));
                request.MayCreate();
                if (applied["metadata"].Text("uid").Length > 0)
                    throw Missing(request, applied);
                RequireNamespace(request);
                var made = Ownership(request).Apply([], applied, key, force);
                ObjectChecks.Shape(request, made, DecodingRefusal(request));
                ObjectPreparation.ForCreate(resource, made, time.GetUtcNow());
                result = Insert(request, made);
            }

            if (result is not null)
                return result;
            if (attempt == Attempts)
                throw new ApiStatusException(ApiStatus.Modified(resource, info.Name));
        }
    }

    private WriteResult Change(WriteRequest request, Func<JsonObject, JsonObject> produce, Func<string, ApiStatus> refuse)
    {
        var (resource, info) = (request.Resource, request.Info);
        for (var attempt = 1; ; attempt++)
        {
            var stored =
                store.Get(resource.Storage, info.Namespace, info.Name)
                ?? throw new ApiStatusException(ApiStatus.NotFound(resource, info.Name));
            var live = resource.Read(stored);
            EventForms.Convert(live, resource);
            live["apiVersion"] = resource.ApiVersion;
            if (Store(request, stored, live, () => produce(live), signs: true, refuse) is { } result)
                return result;
            if (attempt == Attempts)
                throw new ApiStatusException(ApiStatus.Modified(resource, info.Name));
        }
    }

    /// <summary>Null when somebody else was faster.</summary>
    private WriteResult? Store(
        WriteRequest request,
        StoredObject stored,
        JsonObject live,
        Func<JsonObject> produce,
        bool signs,
        Func<string, ApiStatus> refuse
    )
    {
        var (resource, name) = (request.Resource, request.Info.Name);
        var candidate = produce();
        ObjectChecks.Identity(request, candidate);
        var (metadata, before) = (candidate["metadata"]!.AsObject(), live["metadata"]!.AsObject());
        if (metadata.Text("uid") is { Length: > 0 } uid && uid != stored.Uid)
        {
            throw new ApiStatusException(
                ApiStatus.Conflict(resource, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {stored.Uid}")
            );
        }

        if (metadata.Text("resourceVersion") is { Length: > 0 } version && version != before.Text("resourceVersion"))
            throw new ApiStatusException(ApiStatus.Modified(resource, name));
        metadata["resourceVersion"] = before.Text("resourceVersion");
        ObjectChecks.Shape(request, candidate, refuse);
        ObjectPreparation.ForUpdate(resource, request.Info.Subresource, candidate, live);
        if (signs)
            Ownership(request).Update(live, candidate, Key(request, applies: false));
        ObjectChecks.Validity(request, candidate, live, schemas());
        Admit(request, "UPDATE", candidate, live);
        if (IsSame(live, candidate))
            return new WriteResult(stored, false, false);
        EventForms.ForStorage(candidate, resource);
        if (request.DryRun)
            return new WriteResult(StoredObject.Create(candidate, stored.Revision), false, false);
        if (stored.IsDeleting && !candidate["metadata"].Texts("finalizers").Any())
        {
            return store.Remove(resource.Storage, stored, candidate) is { } gone ? new WriteResult(gone, false, true) : null;
        }

        return store.Put(resource.Storage, candidate, stored) is { } written ? new WriteResult(written, false, true) : null;
    }

    private WriteResult? Insert(WriteRequest request, JsonObject candidate)
    {
        ObjectChecks.Validity(request, candidate, null, schemas());
        Admit(request, "CREATE", candidate, null);
        EventForms.ForStorage(candidate, request.Resource);
        if (!request.DryRun)
            return store.Put(request.Resource.Storage, candidate, null) is { } made ? new WriteResult(made, true, true) : null;
        var name = candidate["metadata"].Text("name");
        if (store.Get(request.Resource.Storage, request.Info.Namespace, name) is not null)
            throw new ApiStatusException(ApiStatus.AlreadyExists(request.Resource, name));
        return new WriteResult(StoredObject.Create(candidate, 0), true, false);
    }

    public void Admit(WriteRequest request, string operation, JsonObject? json, JsonObject? old)
    {
        var (resource, info) = (request.Resource, request.Info);
        var name = info.Name.Length > 0 ? info.Name : json?["metadata"].Text("name") ?? "";
        var question = new AdmissionRequest(
            request.User,
            operation,
            resource,
            info.Subresource,
            info.Namespace,
            name,
            json,
            old,
            request.DryRun
        );
        foreach (var rule in admission())
        {
            if (rule(question) is not { } denied)
                continue;
            var status = ApiStatus.Forbidden(resource, name, denied.Message);
            throw new ApiStatusException(status with { Code = denied.Code, Reason = denied.Reason, Causes = denied.Causes });
        }
    }

    /// <summary>Nothing but times in the managed fields differs: nothing is stored, as the real server has it.</summary>
    private static bool IsSame(JsonObject live, JsonObject candidate)
    {
        return JsonNode.DeepEquals(Timeless(live), Timeless(candidate));

        static JsonNode Timeless(JsonObject json)
        {
            var copy = json.DeepClone();
            foreach (var entry in copy["metadata"].Objects("managedFields"))
                entry.Remove("time");
            return copy;
        }
    }

    private void RequireNamespace(WriteRequest request)
    {
        if (!request.Resource.Namespaced)
            return;
        var ns = store.Get(BuiltInResources.Namespaces, "", request.Info.Namespace);
        var namespaces = BuiltInResources.All[0];
        if (ns is null)
            throw new ApiStatusException(ApiStatus.NotFound(namespaces, request.Info.Namespace));
        if (!ns.IsDeleting)
            return;
        var why = $"unable to create new content in namespace {ns.Name} because it is being terminated";
        throw new ApiStatusException(
            ApiStatus.Forbidden(request.Resource, request.Info.Name, why) with
            {
                Causes = [new FieldError("NamespaceTerminating", "metadata.namespace", $"namespace {ns.Name} is being terminated")],
            }
        );
    }

    private FieldOwnership Ownership(WriteRequest request) =>
        new(
            new RootType(SchemaType.Of(request.Resource.Structure)),
            FieldScope.For(request.Resource, request.Info.Subresource),
            time.GetUtcNow()
        );

    private static FieldManagerKey Key(WriteRequest request, bool applies) =>
        new(request.Manager, applies, request.Info.Subresource, request.Resource.ApiVersion);

    private static Func<string, ApiStatus> DecodingRefusal(WriteRequest request) =>
        strict => ApiStatus.Undecodable(request.Resource, strict);

    private static ApiStatusException Missing(WriteRequest request, JsonObject applied) =>
        new(
            ApiStatus.Conflict(
                request.Resource,
                request.Info.Name,
                $"uid mismatch: the provided object specified uid {applied["metadata"].Text("uid")}, and no existing object was found"
            )
        );

    private static ApiStatusException Bad(string message) => new(ApiStatus.BadRequest(message));
}
