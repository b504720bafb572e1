using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Serving;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Access;

/// <summary>
/// Answers what somebody may do and who he is: <c>kubectl auth can-i</c>, <c>kubectl auth whoami</c>, and whose a token is.
/// </summary>
/// <param name="access">Null where everybody may do everything.</param>
internal sealed class AccessReviews(Authentication authentication, RoleBasedAccess? access)
{
    public async Task AnswerAsync(ApiExchange exchange, ServedResource resource)
    {
        var body = await RequestBody.BytesAsync(exchange.Request, exchange.Ended);
        var json = RequestBody.Read(body.Span, RequestBody.MediaType(exchange.Request), resource);
        json["kind"] = resource.Kind;
        json["apiVersion"] = resource.ApiVersion;
        json.Ensure("metadata");
        json["status"] = resource.Kind switch
        {
            "SelfSubjectAccessReview" => Allowed(exchange.User, json.Object("spec")),
            "SubjectAccessReview" => Allowed(Subject(json.Object("spec")), json.Object("spec")),
            "SelfSubjectRulesReview" => Rules(exchange.User, json.Object("spec").Text("namespace")),
            "TokenReview" => Owner(json.Object("spec").Text("token")),
            _ => new JsonObject { ["userInfo"] = exchange.User.ToUserInfo() },
        };
        await exchange.AnswerAsync(201, json);
    }

    private JsonObject Owner(string token) =>
        authentication.Identify(token) is { } user
            ? new JsonObject { ["authenticated"] = true, ["user"] = user.ToUserInfo() }
            : new JsonObject { ["authenticated"] = false, ["error"] = "[invalid bearer token, unknown]" };

    private JsonObject Allowed(ApiUser user, JsonObject? spec)
    {
        var (what, path) = (spec.Object("resourceAttributes"), spec.Object("nonResourceAttributes"));
        var question = what is not null
            ? new AccessQuestion(
                user,
                what.Text("verb"),
                what.Text("group"),
                what.Text("resource"),
                what.Text("subresource"),
                what.Text("namespace"),
                what.Text("name"),
                ""
            )
            : new AccessQuestion(user, path.Text("verb"), "", "", "", "", "", path.Text("path"));
        return new JsonObject { ["allowed"] = access?.Allows(question) ?? true };
    }

    private JsonObject Rules(ApiUser user, string ns)
    {
        var everything = access is null || user.Groups.Contains(ApiUser.Masters);
        RoleRule[] rules = everything
            ? [new RoleRule(["*"], ["*"], ["*"], [], []), new RoleRule(["*"], [], [], [], ["*"])]
            : [.. access!.RulesFor(user, ns)];
        return new JsonObject
        {
            ["resourceRules"] = new JsonArray([
                .. rules
                    .Where(r => !r.Resources.IsEmpty)
                    .Select(r => new JsonObject
                    {
                        ["verbs"] = ApiUser.Texts(r.Verbs),
                        ["apiGroups"] = ApiUser.Texts(r.Groups),
                        ["resources"] = ApiUser.Texts(r.Resources),
                        ["resourceNames"] = ApiUser.Texts(r.Names),
                    }),
            ]),
            ["nonResourceRules"] = new JsonArray([
                .. rules
                    .Where(r => !r.Urls.IsEmpty)
                    .Select(r => new JsonObject { ["verbs"] = ApiUser.Texts(r.Verbs), ["nonResourceURLs"] = ApiUser.Texts(r.Urls) }),
            ]),
            ["incomplete"] = false,
        };
    }

    private static ApiUser Subject(JsonObject? spec) => new(spec.Text("user"), [.. spec.Texts("groups")]);
}
