using System.Collections.Immutable;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>A method on a path, as both OpenAPI versions describe it.</summary>
/// <param name="Method">Lower case: <c>get</c>.</param>
/// <param name="Action">What <c>x-kubernetes-action</c> says: <c>list</c>, <c>post</c>, <c>patch</c>.</param>
/// <param name="Id">Unique in a document: <c>listHostdevIoV1alpha1HostDevice</c>.</param>
/// <param name="Query">Query parameters; all are optional.</param>
/// <param name="Body">Media types that the request's body may have; empty for none.</param>
/// <param name="Answer">The name of the schema that is answered.</param>
internal sealed record ApiOperation(
    string Path,
    string Method,
    string Action,
    string Id,
    string Description,
    ImmutableArray<ApiParameter> Query,
    ImmutableArray<string> Body,
    string Answer
)
{
    private static readonly ImmutableArray<string> s_plain = ["application/json", "application/yaml"];

    private static readonly ImmutableArray<string> s_patches =
    [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/apply-patch+yaml",
    ];

    private static readonly ImmutableArray<ApiParameter> s_list =
    [
        ApiParameter.Flag("allowWatchBookmarks", "Whether a watch is told how far it has come."),
        ApiParameter.Text("continue", "Where the page before ended."),
        ApiParameter.Text("fieldSelector", "Fields that the objects have."),
        ApiParameter.Text("labelSelector", "Labels that the objects have."),
        ApiParameter.Number("limit", "How many objects a page has at most."),
        ApiParameter.Text("resourceVersion", "Since when, or how fresh."),
        ApiParameter.Text("resourceVersionMatch", "How resourceVersion is meant."),
        ApiParameter.Flag("sendInitialEvents", "Whether a watch begins with what there is."),
        ApiParameter.Number("timeoutSeconds", "When the call ends, in seconds."),
        ApiParameter.Flag("watch", "Whether changes are sent as they come."),
    ];

    private static readonly ImmutableArray<ApiParameter> s_write =
    [
        ApiParameter.Text("dryRun", "All: the request is checked and answered, and nothing is stored."),
        ApiParameter.Text("fieldManager", "Who owns the fields that are written."),
        ApiParameter.Text("fieldValidation", "What is done about unknown and duplicate fields: Ignore, Warn or Strict."),
    ];

    private static readonly ImmutableArray<ApiParameter> s_patch =
    [
        .. s_write,
        ApiParameter.Flag("force", "Whether an apply takes fields from others who own them."),
    ];

    private static readonly ImmutableArray<ApiParameter> s_delete =
    [
        ApiParameter.Text("dryRun", "All: the request is checked and answered, and nothing is deleted."),
        ApiParameter.Number("gracePeriodSeconds", "How long it may take to end, in seconds."),
        ApiParameter.Text("propagationPolicy", "What becomes of what the object owns: Orphan, Background or Foreground."),
    ];

    /// <summary>All that can be done with a resource and its subresources.</summary>
    public static IEnumerable<ApiOperation> Of(ResourceDescription description)
    {
        var resource = description.Resource;
        var collection = resource
            .Path(resource.Namespaced ? "{namespace}" : null)
            .Replace("%7Bnamespace%7D", "{namespace}", StringComparison.Ordinal);
        var (name, list) = (OpenApiNames.Of(resource), OpenApiNames.Of(resource, description.ListKind));
        var all = new List<(string Verb, ApiOperation Operation)>
        {
            ("list", New(collection, "get", "list", "list", description, s_list, [], list)),
            ("create", New(collection, "post", "post", "create", description, s_write, s_plain, name)),
            (
                "deletecollection",
                New(
                    collection,
                    "delete",
                    "deletecollection",
                    "deletecollection",
                    description,
                    [.. s_delete, .. s_list],
                    s_plain,
                    OpenApiNames.Status
                )
            ),
            ("get", New($"{collection}/{{name}}", "get", "get", "read", description, [], [], name)),
            ("update", New($"{collection}/{{name}}", "put", "put", "replace", description, s_write, s_plain, name)),
            ("delete", New($"{collection}/{{name}}", "delete", "delete", "delete", description, s_delete, s_plain, OpenApiNames.Status)),
            ("patch", New($"{collection}/{{name}}", "patch", "patch", "patch", description, s_patch, s_patches, name)),
        };
        if (resource.Namespaced)
            all.Add(("list", New(resource.Path(), "get", "list", "list", description, s_list, [], list, "ForAllNamespaces")));
        return all.Where(o => description.Verbs.Contains(o.Verb))
            .Select(o => o.Operation)
            .Concat(description.Subresources.SelectMany(s => Of(description, s, $"{collection}/{{name}}/{s.Name}", name)));
    }

    private static IEnumerable<ApiOperation> Of(
        ResourceDescription description,
        SubresourceDescription subresource,
        string path,
        string name
    )
    {
        var suffix = char.ToUpperInvariant(subresource.Name[0]) + subresource.Name[1..];
        if (subresource.Verbs.Contains("get"))
            yield return New(path, "get", "get", "read", description, [], [], name, suffix);
        if (subresource.Verbs.Contains("update"))
            yield return New(path, "put", "put", "replace", description, s_write, s_plain, name, suffix);
        if (subresource.Verbs.Contains("patch"))
            yield return New(path, "patch", "patch", "patch", description, s_patch, s_patches, name, suffix);
        if (subresource.Verbs.Contains("create"))
            yield return New(path, "post", "post", "create", description, s_write, s_plain, name, suffix);
    }

    private static ApiOperation New(
        string path,
        string method,
        string action,
        string verb,
        ResourceDescription description,
        ImmutableArray<ApiParameter> query,
        ImmutableArray<string> body,
        string answer,
        string suffix = ""
    )
    {
        var resource = description.Resource;
        var group = string.Concat((resource.Group.Length == 0 ? "core" : resource.Group).Split('.', '-').Select(Capital));
        var scope = resource.Namespaced && suffix != "ForAllNamespaces" ? "Namespaced" : "";
        var id = $"{verb}{group}{Capital(resource.Version)}{scope}{resource.Kind}{suffix}";
        return new ApiOperation(
            path,
            method,
            action,
            id,
            $"{verb} {resource.Kind}{(suffix is "" or "ForAllNamespaces" ? "" : $" {suffix.ToLowerInvariant()}")}",
            query,
            body,
            answer
        );
    }

    private static string Capital(string word) => word.Length == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..];
}

/// <summary>A query parameter.</summary>
internal sealed record ApiParameter(string Name, string Type, string Description)
{
    public static ApiParameter Text(string name, string description) => new(name, JsonType.String, description);

    public static ApiParameter Number(string name, string description) => new(name, JsonType.Integer, description);

    public static ApiParameter Flag(string name, string description) => new(name, JsonType.Boolean, description);
}
