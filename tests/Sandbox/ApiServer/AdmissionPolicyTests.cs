using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Tests.Cluster;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>Policies that are stored decide as those of a real server do (apiserver <c>pkg/admission/plugin/policy</c>).</summary>
public sealed class AdmissionPolicyTests() : WidgetTests(new ApiServerOptions { Https = false })
{
    private const string Rule = "{apiGroups: [example.io], apiVersions: [v1], operations: ['*'], resources: [widgets]}";
    private const string Widgets = $"matchConstraints: {{resourceRules: [{Rule}]}}";
    private const string Everything = "{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*']}";
    private const string Never = "validations: [{expression: 'false', message: no}]";

    private static readonly JsonSerializerOptions s_relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public async Task A_policy_is_asked_from_when_a_binding_lets_it_deny_until_one_of_them_is_gone()
    {
        Make("small", $"{Widgets}, {Never}", bound: false);
        Assert.Equal("", await MakeAsync("w1"));
        Bind("small", "audit", "validationActions: [Audit]");
        Assert.Equal("", await MakeAsync("w2"));
        Bind("small", "deny", "validationActions: [Deny]");
        const string words = "ValidatingAdmissionPolicy 'small' with binding 'deny' denied request: no";
        var refused = (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w3"))).Is(422);
        Assert.Equal(("Invalid", $"widgets.example.io \"w3\" is forbidden: {words}"), (refused.Reason, refused.Message));
        Assert.Equal(
            $$"""{"name":"w3","group":"example.io","kind":"widgets","causes":[{"message":"{{words}}"}]}""",
            refused.Body["details"]!.ToJsonString(s_relaxed)
        );
        Assert.Null(Server.Objects.Get("widgets.example.io", "w3"));
        (await Client.DeleteAsync("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/deny")).Is(200);
        Assert.Equal("", await MakeAsync("w3"));
    }

    [Theory]
    [InlineData("reason: Unauthorized", 401, "Unauthorized", "failed expression: 1 > 2")]
    [InlineData("reason: Forbidden, message: ' stay away '", 403, "Forbidden", "stay away")]
    [InlineData("reason: RequestEntityTooLarge, message: m, messageExpression: object.metadata.name", 413, "RequestEntityTooLarge", "w1")]
    [InlineData("message: m, messageExpression: object.spec.nothing", 422, "Invalid", "m")]
    public async Task A_validation_has_a_reason_and_words(string more, int code, string reason, string words)
    {
        Make(
            "p",
            $$"""
            {{Widgets}}, validations: [{expression: 'true'}, {expression: ' 1 > 2 ', {{more}} }, {expression: 'false', message: later}]
            """
        );
        var refused = (await Client.CreateAsync(Peer.Widgets, Peer.Widget("w1"))).Is(code);
        var denied = $"ValidatingAdmissionPolicy 'p' with binding 'p' denied request: {words}";
        Assert.Equal((reason, $"widgets.example.io \"w1\" is forbidden: {denied}"), (refused.Reason, refused.Message));
    }

    [Theory]
    [InlineData("{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*']}", "make change status delete")]
    [InlineData("{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}", "make change delete")]
    [InlineData("{apiGroups: [example.io], apiVersions: [v1], operations: [CREATE], resources: [widgets, widgets/status]}", "make")]
    [InlineData("{apiGroups: [example.io], apiVersions: [v1], operations: [UPDATE, DELETE], resources: [widgets]}", "change delete")]
    [InlineData("{apiGroups: [example.io], apiVersions: [v1], operations: [UPDATE], resources: [widgets/*]}", "change status")]
    [InlineData("{apiGroups: [example.io], apiVersions: [v1], operations: [UPDATE], resources: ['*/status']}", "status")]
    [InlineData("{apiGroups: [example.io], apiVersions: [v1], operations: ['*'], resources: [widgets], resourceNames: [new]}", "make")]
    [InlineData("{apiGroups: [example.io], apiVersions: [v1], operations: ['*'], resources: [widgets], scope: Namespaced}", "")]
    [InlineData(
        "{apiGroups: [example.io], apiVersions: [v1], operations: ['*'], resources: [widgets], scope: Cluster}",
        "make change delete"
    )]
    [InlineData("{apiGroups: [example.com], apiVersions: [v1], operations: ['*'], resources: [widgets]}", "")]
    [InlineData("{apiGroups: [example.io], apiVersions: [v2], operations: ['*'], resources: [widgets]}", "")]
    [InlineData("{apiGroups: [example.io], apiVersions: [v1], operations: ['*'], resources: [gadgets]}", "")]
    public async Task Rules_say_of_which_writes_a_policy_speaks(string rule, string writes)
    {
        Assert.Equal("", await MakeAsync("old"));
        Make("p", $"matchConstraints: {{resourceRules: [{rule}]}}, {Never}");
        Assert.Equal(writes, await RefusedAsync());
        Make("q", $"matchConstraints: {{resourceRules: [{rule}]}}, {Never}", "validationActions: [Audit]");
        Server.Objects.Delete("validatingadmissionpolicies.admissionregistration.k8s.io", "p");
        Assert.Equal("", await RefusedAsync());

        // The same as what a policy, or a binding of one for everything, leaves out.
        var others = string.Join(' ', "make change status delete".Split(' ').Except(writes.Split(' ')));
        Make("r", $"matchConstraints: {{resourceRules: [{Everything}], excludeResourceRules: [{rule}]}}, {Never}");
        Assert.Equal(others, await RefusedAsync());
        Server.Objects.Delete("validatingadmissionpolicies.admissionregistration.k8s.io", "r");
        var bound = $"validationActions: [Deny], matchResources: {{resourceRules: [{rule}]}}";
        Make("s", $"matchConstraints: {{resourceRules: [{Everything}]}}, {Never}", bound);
        Assert.Equal(writes, await RefusedAsync());
    }

    [Fact]
    public async Task Selectors_choose_by_the_labels_of_an_object_before_or_after_and_of_its_namespace()
    {
        Server.Objects.Create(ClusterBench.Yaml("{apiVersion: v1, kind: Namespace, metadata: {name: strict, labels: {strict: 'yes'}}}"));
        Make(
            "p",
            $$"""
            matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [configmaps]}],
            namespaceSelector: {matchLabels: {strict: 'yes'} },
            objectSelector: {matchExpressions: [{key: app, operator: In, values: [a]}]} }, {{Never}}
            """
        );
        Assert.Equal(201, await ConfigMapAsync("default", "a"));
        Assert.Equal(201, await ConfigMapAsync("strict", "b"));
        Assert.Equal(422, await ConfigMapAsync("strict", "a"));
        const string relabel = """{"metadata":{"labels":{"app":"b"}}}""";
        Server.Objects.Delete("validatingadmissionpolicybindings.admissionregistration.k8s.io", "p");
        Assert.Equal(201, await ConfigMapAsync("strict", "a"));
        Bind("p", "p", "validationActions: [Deny]");
        (await Client.MergeAsync("/api/v1/namespaces/strict/configmaps/a", relabel)).Is(422);
        (await Client.MergeAsync("/api/v1/namespaces/default/configmaps/a", relabel)).Is(200);
        (await Client.MergeAsync("/api/v1/namespaces/strict/configmaps/b", relabel)).Is(200);
    }

    /// <summary>Events are served twice: who writes one form is seen in that of the rule, unless it wants the very resource.</summary>
    [Fact]
    public async Task An_equivalent_resource_is_shown_in_the_form_of_the_rule()
    {
        const string rules = "resourceRules: [{apiGroups: [events.k8s.io], apiVersions: [v1], operations: [CREATE], resources: [events]}] ";
        const string seen = "object.apiVersion + ' ' + object.regarding.name + ' ' + object.note";
        const string asked = "request.resource.group + ' ' + request.kind.group + '|' + request.requestResource.group";
        Make(
            "p",
            $$"""
            matchConstraints: {{{rules}}}, matchConditions: [{name: c, expression: "request.resource.group == ''"}],
            validations: [{expression: 'false', messageExpression: "{{seen}} + ' ' + {{asked}}"}]
            """
        );
        var core = JsonNode.Parse("""{"metadata":{"name":"e","namespace":"default"},"involvedObject":{"name":"n"},"message":"m"}""")!;
        Assert.EndsWith(
            "denied request: events.k8s.io/v1 n m events.k8s.io events.k8s.io|",
            (await Client.CreateAsync("/api/v1/namespaces/default/events", core)).Is(422).Message,
            StringComparison.Ordinal
        );
        Server.Objects.Delete("validatingadmissionpolicies.admissionregistration.k8s.io", "p");
        Make("q", $"matchConstraints: {{matchPolicy: Exact, {rules}}}, {Never}");
        (await Client.CreateAsync("/api/v1/namespaces/default/events", core)).Is(201);
        var other = JsonNode.Parse("""{"metadata":{"name":"f","namespace":"default"},"regarding":{"name":"n"},"note":"m"}""")!;
        (await Client.CreateAsync("/apis/events.k8s.io/v1/namespaces/default/events", other)).Is(422);
    }

    [Theory]
    [InlineData("CREATE", "request.operation == 'CREATE' && oldObject == null && object.spec.size == 1 && !has(request.subResource)")]
    [InlineData("UPDATE", "request.operation == 'UPDATE' && oldObject.spec.size == 1 && object.spec.size == 2 && request.name == 'w1'")]
    [InlineData("STATUS", "request.operation == 'UPDATE' && request.subResource == 'status'")]
    [InlineData("STATUS", "object.spec.size == 1 && object.status.note == 'n'")]
    [InlineData("DELETE", "request.operation == 'DELETE' && object == null && oldObject.spec.size == 1")]
    [InlineData("CREATE", "request.userInfo.username == 'jane' && request.userInfo.groups == ['team', 'system:authenticated']")]
    [InlineData("CREATE", "request.userInfo.extra['k'][1] == 'b' && !has(request.userInfo.uid)")]
    [InlineData("CREATE", "!has(request.namespace) && request.dryRun == false && request.resource.resource == 'widgets'")]
    [InlineData("CREATE", "has(object.metadata.labels) && size(object.metadata.labels) == 0")]
    [InlineData("CREATE", "!has(object.metadata.annotations) && !has(oldObject.metadata)")]
    [InlineData("CREATE", "request.kind == {'group': 'example.io', 'version': 'v1', 'kind': 'Widget'}")]
    public async Task Expressions_know_the_request_the_object_and_what_stands_there(string write, string expression)
    {
        var user = new ApiUser("jane", ["team"]);
        using var jane = new Peer(Server, Server.AddUser(user with { Extra = user.Extra.Add("k", ["a", "b"]) }));
        const string size = """{"size":1}""";
        if (write != "CREATE")
            (await jane.CreateAsync(Peer.Widgets, Peer.Widget("w1", size))).Is(201);
        Make(
            "p",
            $$"""
            matchConstraints: {resourceRules: [{apiGroups: [example.io], apiVersions: [v1], operations: ['*'], resources: [widgets/*]}]},
            validations: [{expression: "!({{expression}})", reason: Forbidden}]
            """
        );
        var answer = write switch
        {
            "CREATE" => await jane.CreateAsync(Peer.Widgets, Unlabelled(size)),
            "UPDATE" => await jane.MergeAsync($"{Peer.Widgets}/w1", """{"spec":{"size":2}}"""),
            "STATUS" => await jane.MergeAsync($"{Peer.Widgets}/w1/status", """{"spec":{"size":2},"status":{"note":"n"}}"""),
            _ => await jane.DeleteAsync($"{Peer.Widgets}/w1"),
        };
        Assert.EndsWith($"denied request: failed expression: !({expression})", answer.Is(403).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("object.spec.nothing == 'x'", "Cannot find overload to select field 'nothing' in variable 'object.spec'.")]
    [InlineData("unknown == 1", "Undeclared reference to 'unknown' in container ''.")]
    [InlineData("object.metadata.name", "must evaluate to bool")]
    [InlineData("'a'.substring(2) == ''", "")]
    public async Task An_expression_without_a_value_refuses_unless_failures_are_ignored(string expression, string why)
    {
        var words = $"denied request: expression '{expression}' resulted in error: {why}";
        Make("p", $"failurePolicy: Ignore, {Widgets}, validations: [{{expression: \"{expression}\", reason: Forbidden}}]");
        Assert.Equal("", await MakeAsync("w1"));
        Make("q", $"{Widgets}, validations: [{{expression: \"{expression}\", reason: Forbidden, message: m}}]");
        Assert.Contains(words, await MakeAsync("w2", 422), StringComparison.Ordinal);
        Server.Objects.Delete("validatingadmissionpolicies.admissionregistration.k8s.io", "q");
        Make("r", $"{Widgets}, matchConditions: [{{name: c, expression: \"{expression}\"}}], validations: [{{expression: 'true'}}]");
        Assert.Contains(words, await MakeAsync("w2", 422), StringComparison.Ordinal);
        Server.Objects.Delete("validatingadmissionpolicies.admissionregistration.k8s.io", "r");
        Make("s", $"failurePolicy: Ignore, {Widgets}, matchConditions: [{{name: c, expression: \"{expression}\"}}], {Never}");
        Assert.Equal("", await MakeAsync("w2"));
    }

    [Fact]
    public async Task One_condition_that_does_not_hold_ends_it_whatever_the_others_are()
    {
        const string conditions = "[{name: a, expression: unknown}, {name: b, expression: \"object.metadata.name == 'w2'\"}]";
        Make("p", $"{Widgets}, matchConditions: {conditions}, {Never}");
        Assert.Equal("", await MakeAsync("w1"));
        Assert.NotEqual("", await MakeAsync("w2", 422));
    }

    [Fact]
    public async Task A_variable_is_computed_where_it_is_used_and_knows_those_before_it()
    {
        Make(
            "p",
            $$"""
            {{Widgets}}, variables: [{name: broken, expression: object.spec.nothing + 'x'}, {name: name, expression: object.metadata.name},
            {name: greeting, expression: "'hello ' + variables.name"},
            {name: early, expression: variables.late}, {name: late, expression: "'late'"}],
            validations: [{expression: variables.greeting != 'hello w1', message: found},
            {expression: "object.metadata.name != 'w2' || variables.broken == ''"},
            {expression: "object.metadata.name != 'w3' || variables.early == ''"}]
            """
        );
        const string error = "composited variable \"broken\" fails to evaluate: expression 'object.spec.nothing + 'x'' resulted in error";
        Assert.EndsWith("denied request: found", await MakeAsync("w1", 422), StringComparison.Ordinal);
        Assert.Contains(error, await MakeAsync("w2", 422), StringComparison.Ordinal);
        Assert.Contains("composited variable \"early\" fails to evaluate", await MakeAsync("w3", 422), StringComparison.Ordinal);
        Assert.Equal("", await MakeAsync("w4"));
    }

    [Fact]
    public async Task Policies_are_not_asked_about_policies()
    {
        Make("p", $"matchConstraints: {{resourceRules: [{Everything}]}}, {Never}");
        Assert.NotEqual("", await MakeAsync("w1", 422));
        (await Client.DeleteAsync("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/p")).Is(200);
        Assert.Equal("", await MakeAsync("w1"));
    }

    [Theory]
    [InlineData("validations: [{expression: 'a =='}]", "validations[0].expression: Invalid value: \"a ==\": compilation failed: ")]
    [InlineData(
        "validations: [{expression: \"a == 'b''\"}]",
        "validations[0].expression: Invalid value: \"a == 'b''\": compilation failed: "
    )]
    [InlineData(
        "validations: [{expression: a, messageExpression: +}]",
        "validations[0].messageExpression: Invalid value: \"+\": compilation failed: "
    )]
    [InlineData("validations: [{message: m}]", "validations[0].expression: Required value: expression is not specified")]
    [InlineData(
        "validations: [{expression: a, message: \"m\\nn\"}]",
        "validations[0].message: Invalid value: \"m\\nn\": message must not contain line breaks"
    )]
    [InlineData("validations: [{expression: a, reason: Gone}]", "validations[0].reason: Unsupported value: \"Gone\": supported values: ")]
    [InlineData(
        "variables: [{name: v, expression: '('}], validations: [{expression: a}]",
        "variables[0].expression: Invalid value: \"(\": compilation failed: "
    )]
    [InlineData("matchConditions: [{expression: a}], validations: [{expression: a}]", "matchConditions[0].name: Required value")]
    [InlineData("matchConstraints: {}, validations: [{expression: a}]", "matchConstraints.resourceRules: Required value")]
    [InlineData(
        "failurePolicy: No, validations: [{expression: a}]",
        "failurePolicy: Unsupported value: \"No\": supported values: \"Fail\", \"Ignore\""
    )]
    [InlineData(
        "paramKind: {kind: A}, validations: [{expression: a}]",
        "paramKind: Forbidden: the simulated API server has no parameters of policies"
    )]
    [InlineData("message: m", "validations: Required value: validations or auditAnnotations must contain at least one item")]
    public async Task A_policy_that_cannot_be_evaluated_is_not_stored(string spec, string words)
    {
        var whole = spec.Contains("matchConstraints", StringComparison.Ordinal) ? spec : $"{Widgets}, {spec}";
        var refused = await Client.CreateAsync("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies", Policy("p", whole));
        var start = $"ValidatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: spec.{words}";
        Assert.StartsWith(start, refused.Is(422).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("policyName: p", "spec.validationActions: Required value: at least one validation action is required")]
    [InlineData("policyName: p, validationActions: [No]", "spec.validationActions[0]: Unsupported value: \"No\": supported values: ")]
    [InlineData("validationActions: [Deny]", "spec.policyName: Required value")]
    [InlineData(
        "policyName: p, validationActions: [Deny], matchResources: {objectSelector: {matchExpressions: [{key: a}]}}",
        "spec.matchResources.objectSelector.matchExpressions[0].operator: Invalid value: \"\": not a valid selector operator"
    )]
    [InlineData(
        "policyName: p, validationActions: [Deny], matchResources: {excludeResourceRules: [{apiGroups: ['']}]}",
        "[spec.matchResources.excludeResourceRules[0].operations: Required value, "
    )]
    public async Task A_binding_that_cannot_be_evaluated_is_not_stored(string spec, string words)
    {
        var refused = await Client.CreateAsync(
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
            Json("ValidatingAdmissionPolicyBinding", "b", spec)
        );
        const string start = "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io \"b\" is invalid: ";
        Assert.StartsWith(start + words, refused.Is(422).Message, StringComparison.Ordinal);
    }

    private void Make(string name, string spec, string binding = "validationActions: [Deny]", bool bound = true)
    {
        Server.Objects.Create(Policy(name, spec));
        if (bound)
            Bind(name, name, binding);
    }

    private void Bind(string policy, string name, string spec) =>
        Server.Objects.Create(Json("ValidatingAdmissionPolicyBinding", name, $"policyName: {policy}, {spec}"));

    private static JsonObject Policy(string name, string spec) => Json("ValidatingAdmissionPolicy", name, spec);

    private static JsonObject Json(string kind, string name, string spec) =>
        ClusterBench.Yaml($"{{apiVersion: admissionregistration.k8s.io/v1, kind: {kind}, metadata: {{name: {name}}}, spec: {{{spec}}}}}");

    private static JsonObject Unlabelled(string spec)
    {
        var widget = Peer.Widget("w1", spec);
        widget["metadata"]!["labels"] = new JsonObject();
        return widget;
    }

    /// <summary>What is said against a new widget; empty where it is made.</summary>
    private async Task<string> MakeAsync(string name, int code = 201) =>
        (await Client.CreateAsync(Peer.Widgets, Peer.Widget(name))).Is(code).Message;

    /// <summary>Which writes of widgets are refused, of those that are there and of a new one.</summary>
    private async Task<string> RefusedAsync()
    {
        const string label = """{"metadata":{"labels":{"a":"b"}}}""";
        var answers = new[]
        {
            ("make", await Client.SendAsync(HttpMethod.Post, Peer.Widgets + "?dryRun=All", Peer.Widget("new"))),
            ("change", await Client.MergeAsync(Peer.Widgets + "/old?dryRun=All", label)),
            ("status", await Client.MergeAsync(Peer.Widgets + "/old/status?dryRun=All", """{"status":{"note":"n"}}""")),
            ("delete", await Client.DeleteAsync(Peer.Widgets + "/old?dryRun=All")),
        };
        return string.Join(' ', answers.Where(a => a.Item2.Code == 422).Select(a => a.Item1));
    }

    private async Task<int> ConfigMapAsync(string ns, string app) =>
        (
            await Client.CreateAsync(
                $"/api/v1/namespaces/{ns}/configmaps",
                JsonNode.Parse($$$"""{"metadata":{"name":"{{{app}}}","labels":{"app":"{{{app}}}"} } }""")!
            )
        ).Code;
}
