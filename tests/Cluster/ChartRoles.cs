using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Crds.Parsing;
using Hostdev.Sandbox.ApiServer;

namespace Hostdev.Tests.Cluster;

/// <summary>The chart's roles and bindings, rendered from its template, which has nothing in it but the namespace, labels and switches.</summary>
internal static partial class ChartRoles
{
    private const string Roles = "rbac.authorization.k8s.io";

    public static string Template(string file) => File.ReadAllText(Repository.Path("charts", "hostdev", "templates", file));

    /// <param name="switches">The values that are on: <c>operator.nodeLabels</c>.</param>
    public static ImmutableArray<JsonObject> Render(string ns, params string[] switches)
    {
        var lines = new List<string>();
        var shown = new Stack<bool>();
        foreach (var line in Template("rbac.yaml").Split('\n'))
        {
            if (If().Match(line) is { Success: true } start) shown.Push(switches.Contains(start.Groups[1].Value));
            else if (line.Trim() == "{{- end }}") shown.Pop();
            else if (shown.All(s => s) && !line.Contains("{{ template", StringComparison.Ordinal)) lines.Add(line.Replace("{{ .Release.Namespace | quote }}", ns, StringComparison.Ordinal));
        }

        var text = string.Join('\n', lines);
        if (text.Contains("{{", StringComparison.Ordinal)) throw new InvalidOperationException($"the template has more in it than is rendered here: {text[text.IndexOf("{{", StringComparison.Ordinal)..].Split('\n')[0]}");
        return [.. text.Split("\n---\n").Select(Document)];
    }

    public static void Create(IClusterObjects objects, IEnumerable<JsonObject> rendered)
    {
        foreach (var it in rendered.Where(o => ((string)o["apiVersion"]!).StartsWith(Roles, StringComparison.Ordinal))) objects.Create(it.DeepClone().AsObject());
    }

    /// <summary>Every right that the roles give, one by one: whom, where, what.</summary>
    public static ImmutableArray<ChartRight> Rights(ImmutableArray<JsonObject> rendered) =>
    [
        .. from binding in rendered
           where binding["roleRef"] is not null
           let role = rendered.Single(r => (string)r["kind"]! == (string)binding["roleRef"]!["kind"]! && (string)r["metadata"]!["name"]! == (string)binding["roleRef"]!["name"]! && r["rules"] is not null && Namespace(r) == (Namespace(binding) ?? Namespace(r)))
           from subject in binding["subjects"]!.AsArray()
           from indexed in role["rules"]!.AsArray().Index()
           let rule = indexed.Item
           from @group in Texts(rule!["apiGroups"])
           from resource in Texts(rule["resources"])
           from verb in Texts(rule["verbs"])
           from name in rule["resourceNames"] is { } names ? Texts(names).Select(n => (string?)n) : [null]
           select new ChartRight($"{role["kind"]} {role["metadata"]!["name"]}, rule {indexed.Index + 1}", (string)subject!["name"]!, Namespace(binding), @group, resource, name, verb),
    ];

    private static string? Namespace(JsonObject it) => (string?)it["metadata"]!["namespace"];

    private static IEnumerable<string> Texts(JsonNode? list) => list!.AsArray().Select(t => (string)t!);

    private static JsonObject Document(string yaml)
    {
        var json = YamlJson.Parse(yaml, out var error) as JsonObject ?? throw new InvalidOperationException($"{error}\n{yaml}");
        if (json["metadata"]!["labels"] is not JsonObject) json["metadata"]!.AsObject().Remove("labels");
        return json;
    }

    [GeneratedRegex(@"^\{\{- if \.Values\.(\S+) \}\}$")]
    private static partial Regex If();
}

/// <summary>One verb on one resource.</summary>
/// <param name="Rule">The rule that gives it.</param>
/// <param name="Account">The service account that has it.</param>
/// <param name="Namespace">Null for the whole cluster.</param>
/// <param name="Resource">With its subresource: <c>hostdevices/status</c>.</param>
/// <param name="Name">Null for every object.</param>
internal sealed record ChartRight(string Rule, string Account, string? Namespace, string Group, string Resource, string? Name, string Verb)
{
    public bool Allows(RequestRecord request, string verb) =>
        request.User.EndsWith(":" + Account, StringComparison.Ordinal) && verb == Verb && request.Group == Group
        && Resource == (request.Subresource.Length == 0 ? request.Resource : $"{request.Resource}/{request.Subresource}")
        && (Namespace ?? request.Namespace) == request.Namespace && (Name ?? request.Name) == request.Name;

    public override string ToString() => $"{Account}: {Verb} {Resource} ({Group}){(Name is null ? "" : $" {Name}")}{(Namespace is null ? "" : $" in {Namespace}")}";
}
