using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>What a request is about, read from its method and path alone (apiserver <c>pkg/endpoints/request/requestinfo.go</c>).</summary>
/// <param name="Verb">RBAC's word: get, list, watch, create, update, patch, delete, deletecollection; the method in lower case for paths
/// that are no resource.</param>
/// <param name="Resource">Empty for paths that are no resource: discovery, health, OpenAPI.</param>
/// <param name="Name">Empty for collections, and for what is created under a name that stands in the body.</param>
internal sealed partial record RequestInfo(
    string Path,
    string Verb,
    string Group,
    string Version,
    string Resource,
    string Subresource,
    string Namespace,
    string Name
)
{
    public bool IsResource => Resource.Length > 0;

    public static RequestInfo Of(HttpRequest request)
    {
        var path = request.Path.Value ?? "/";
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var none = new RequestInfo(path, request.Method.ToLowerInvariant(), "", "", "", "", "", "");
        string group;
        if (parts.Length >= 3 && parts[0] == "api")
            (group, parts) = ("", parts[1..]);
        else if (parts.Length >= 4 && parts[0] == "apis")
            (group, parts) = (parts[1], parts[2..]);
        else
            return none;
        var version = parts[0];
        parts = parts[1..];
        var ns = "";
        if (parts[0] == "namespaces" && parts.Length >= 2)
        {
            ns = parts[1];
            if (parts.Length >= 3 && parts[2] is not ("status" or "finalize"))
                parts = parts[2..];
        }

        if (parts.Length > 3)
            return none;
        var name = parts.Length > 1 ? parts[1] : "";
        var info = none with
        {
            Group = group,
            Version = version,
            Resource = parts[0],
            Namespace = ns,
            Name = name,
            Subresource = parts.Length > 2 ? parts[2] : "",
        };
        var verb = VerbOf(request, name);
        // A selector for one name counts as that name, for resourceNames in roles too.
        if (name.Length == 0 && verb is "list" or "watch" or "deletecollection")
            name = SelectedName().Match(request.Query["fieldSelector"].ToString()).Groups[1].Value;
        return info with { Verb = verb, Name = name };
    }

    private static string VerbOf(HttpRequest request, string name) =>
        request.Method switch
        {
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => name.Length == 0 ? "deletecollection" : "delete",
            "GET" or "HEAD" when IsTrue(request.Query["watch"]) => "watch",
            "GET" or "HEAD" when name.Length == 0 => "list",
            "GET" or "HEAD" => "get",
            _ => request.Method.ToLowerInvariant(),
        };

    [GeneratedRegex(@"^metadata\.name==?([^,!=]+)$")]
    private static partial Regex SelectedName();

    internal static bool IsTrue(string? value) => value is "true" or "1" or "True";
}
