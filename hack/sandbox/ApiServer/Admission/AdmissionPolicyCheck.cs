using System.Text.Json.Nodes;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Admission;

/// <summary>
/// What is wrong with a policy or a binding, in the words of pkg/apis/admissionregistration/validation/validation.go. Parameters are
/// refused: nothing here has them, and a policy that was half understood would admit what it should not.
/// </summary>
internal static class AdmissionPolicyCheck
{
    private const string NoParameters = "the simulated API server has no parameters of policies";
    private const string NothingToDo = "validations or auditAnnotations must contain at least one item";

    private static readonly string[] s_actions = ["Audit", "Deny", "Warn"];
    private static readonly string[] s_operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
    private static readonly string[] s_operators = Enum.GetNames<LabelOperator>();

    public static IEnumerable<FieldError> OfPolicy(JsonObject json)
    {
        var spec = json.Object("spec");
        var constraints = spec.Object("matchConstraints");
        var hasRules = constraints.Objects("resourceRules").Any();
        var validations = spec.Objects("validations").ToList();
        return
        [
            .. OneOf(spec, "failurePolicy", "spec.failurePolicy", ["Fail", "Ignore"]),
            .. Unless(spec?["paramKind"] is null, FieldError.Forbidden("spec.paramKind", NoParameters)),
            .. constraints is null ? [FieldError.Required("spec.matchConstraints")] : Resources(constraints, "spec.matchConstraints"),
            .. Unless(constraints is null || hasRules, FieldError.Required("spec.matchConstraints.resourceRules")),
            .. Named(spec, "matchConditions"),
            .. Named(spec, "variables"),
            .. Unless(validations.Count > 0, FieldError.Required("spec.validations", NothingToDo)),
            .. validations.SelectMany((v, i) => Validation(v, $"spec.validations[{i}]")),
        ];
    }

    public static IEnumerable<FieldError> OfBinding(JsonObject json)
    {
        var spec = json.Object("spec");
        var actions = spec.Texts("validationActions").ToList();
        if (spec.Text("policyName").Length == 0)
            yield return FieldError.Required("spec.policyName");
        foreach (var error in Resources(spec.Object("matchResources"), "spec.matchResources"))
            yield return error;
        foreach (var (action, i) in actions.Select((a, i) => (a, i)).Where(a => !s_actions.Contains(a.a)))
            yield return FieldError.NotSupported($"spec.validationActions[{i}]", action, s_actions);
        if (actions.Count == 0)
            yield return FieldError.Required("spec.validationActions", "at least one validation action is required");
    }

    private static IEnumerable<FieldError> Named(JsonObject? spec, string list) =>
        spec.Objects(list)
            .SelectMany(
                (it, i) =>
                    (FieldError[])
                        [
                            .. Unless(it.Text("name").Length > 0, FieldError.Required($"spec.{list}[{i}].name")),
                            .. Expression(it, "expression", $"spec.{list}[{i}].expression"),
                        ]
            );

    private static IEnumerable<FieldError> Validation(JsonObject json, string path) =>
        [
            .. Expression(json, "expression", $"{path}.expression"),
            .. json["messageExpression"] is null ? [] : Expression(json, "messageExpression", $"{path}.messageExpression"),
            .. Unless(
                !json.Text("message").Trim().Contains('\n', StringComparison.Ordinal),
                FieldError.Invalid($"{path}.message", json.Text("message"), "message must not contain line breaks")
            ),
            .. OneOf(json, "reason", $"{path}.reason", AdmissionDecision.Reasons),
        ];

    private static IEnumerable<FieldError> Expression(JsonObject json, string field, string path)
    {
        var text = json.Text(field);
        if (text.Trim().Length == 0)
            yield return FieldError.Required(path, "expression is not specified");
        else if (CelExpression.Of(text).Error is { } error)
            yield return FieldError.Invalid(path, text, $"compilation failed: {error}");
    }

    private static IEnumerable<FieldError> Resources(JsonObject? json, string path) =>
        [
            .. OneOf(json, "matchPolicy", $"{path}.matchPolicy", ["Equivalent", "Exact"]),
            .. Selector(json, "namespaceSelector", path),
            .. Selector(json, "objectSelector", path),
            .. Rules(json, "resourceRules", path),
            .. Rules(json, "excludeResourceRules", path),
        ];

    private static IEnumerable<FieldError> Selector(JsonObject? json, string field, string path)
    {
        foreach (var (used, i) in json.Object(field).Objects("matchExpressions").Select((e, i) => (e.Text("operator"), i)))
        {
            if (s_operators.Contains(used))
                continue;
            yield return FieldError.Invalid($"{path}.{field}.matchExpressions[{i}].operator", used, "not a valid selector operator");
        }
    }

    private static IEnumerable<FieldError> Rules(JsonObject? json, string list, string path) =>
        json.Objects(list).SelectMany((r, i) => Rule(r, $"{path}.{list}[{i}]"));

    private static IEnumerable<FieldError> Rule(JsonObject json, string path)
    {
        foreach (var list in (string[])["operations", "apiGroups", "apiVersions", "resources"])
        {
            if (!json.Texts(list).Any())
                yield return FieldError.Required($"{path}.{list}");
        }

        foreach (var (operation, i) in json.Texts("operations").Select((o, i) => (o, i)).Where(o => !s_operations.Contains(o.o)))
            yield return FieldError.NotSupported($"{path}.operations[{i}]", operation, s_operations);
    }

    /// <summary>A field that is not there has its default.</summary>
    private static IEnumerable<FieldError> OneOf(JsonObject? json, string field, string path, IReadOnlyCollection<string> supported) =>
        json?[field] is { } it && !supported.Contains(it.AsText()) ? [FieldError.NotSupported(path, it.DeepClone(), supported)] : [];

    private static IEnumerable<FieldError> Unless(bool isRight, FieldError error) => isRight ? [] : [error];
}
