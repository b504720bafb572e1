using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Cel;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Admission;

/// <summary>
/// A <c>ValidatingAdmissionPolicy</c> as it decides (apiserver <c>plugin/policy/validating/validator.go</c>). Its expressions know
/// <c>object</c>, <c>oldObject</c>, <c>request</c>, <c>variables</c> and <c>authorizer</c>.
/// </summary>
internal sealed record AdmissionPolicy
{
    public required string Name { get; init; }

    public required MatchResources Constraints { get; init; }

    public required ImmutableArray<CelExpression> Conditions { get; init; }

    public required ImmutableArray<(string Name, CelExpression Expression)> Variables { get; init; }

    public required ImmutableArray<AdmissionValidation> Validations { get; init; }

    /// <summary><c>failurePolicy: Ignore</c>: an expression that has no value refuses nothing.</summary>
    public required bool AdmitsErrors { get; init; }

    public static AdmissionPolicy Of(JsonObject json)
    {
        var spec = json.Object("spec");
        return new AdmissionPolicy
        {
            Name = json["metadata"].Text("name"),
            Constraints = MatchResources.Of(spec.Object("matchConstraints")),
            Conditions = [.. spec.Objects("matchConditions").Select(Expression)],
            Variables = [.. spec.Objects("variables").Select(v => (v.Text("name"), Expression(v)))],
            Validations = [.. spec.Objects("validations").Select(AdmissionValidation.Of)],
            AdmitsErrors = spec.Text("failurePolicy") == "Ignore",
        };
    }

    /// <summary>The first thing that it has against a write; null where it lets it pass.</summary>
    /// <param name="shown">As which resource the policy sees the objects.</param>
    /// <param name="access">Null where everybody may do everything.</param>
    public AdmissionDecision? Decide(AdmissionRequest request, ServedResource shown, RoleBasedAccess? access)
    {
        var scope = CelScope
            .Empty.With("object", () => Value(request.Object, shown))
            .With("oldObject", () => Value(request.OldObject, shown))
            .With("authorizer", () => new CelAuthorizer(access, request.User));
        var conditions = scope.With("request", () => CelExpression.Value(Request(request, shown, request.Resource)));
        var asked = Conditions.Select(c => c.Decide(conditions)).ToList();
        if (asked.Exists(c => c.IsFalse))
            return null;
        if (asked.Select(c => c.Error).OfType<string>().ToList() is { Count: > 0 } errors)
            return AdmitsErrors ? null : new AdmissionDecision(errors is [var one] ? one : $"[{string.Join(", ", errors)}]");
        var whole = Variables.Aggregate(scope.With("request", () => CelExpression.Value(Request(request, shown, shown))), WithVariable);
        return Validations.Select(v => v.Decide(whole, AdmitsErrors)).FirstOrDefault(d => d is not null);
    }

    /// <summary>A variable knows those that stand before it.</summary>
    private static CelScope WithVariable(CelScope before, (string Name, CelExpression Expression) variable) =>
        before.With(
            $"variables.{variable.Name}",
            () =>
                variable.Expression.Evaluate(before) is var result && result.Error is { } error
                    ? throw new CelException($"composited variable \"{variable.Name}\" fails to evaluate: {error}")
                    : result.Value
        );

    private static CelExpression Expression(JsonObject json) => CelExpression.Of(json.Text("expression"));

    private static object? Value(JsonObject? json, ServedResource shown)
    {
        var copy = json?.DeepClone().AsObject();
        if (copy is null)
            return null;
        EventForms.Convert(copy, shown);
        copy["apiVersion"] = shown.ApiVersion;
        return CelExpression.Value(copy);
    }

    /// <summary>An <c>AdmissionRequest</c> of <c>admission.k8s.io/v1</c>; what is empty is not there.</summary>
    /// <param name="resource">What <c>request.resource</c> names: the request's own for conditions, else the one that is shown.</param>
    private static JsonObject Request(AdmissionRequest request, ServedResource shown, ServedResource resource)
    {
        var json = new JsonObject
        {
            ["kind"] = Kind(shown),
            ["resource"] = Resource(resource),
            ["requestKind"] = Kind(request.Resource),
            ["requestResource"] = Resource(request.Resource),
            ["operation"] = request.Operation,
            ["userInfo"] = request.User.ToUserInfo(),
            ["dryRun"] = request.DryRun,
        };
        foreach (
            var (name, value) in (ReadOnlySpan<(string, string)>)
                [
                    ("subResource", request.Subresource),
                    ("requestSubResource", request.Subresource),
                    ("name", request.Name),
                    ("namespace", request.Namespace),
                ]
        )
        {
            if (value.Length > 0)
                json[name] = value;
        }

        return json;
    }

    private static JsonObject Kind(ServedResource it) =>
        new()
        {
            ["group"] = it.Group,
            ["version"] = it.Version,
            ["kind"] = it.Kind,
        };

    private static JsonObject Resource(ServedResource it) =>
        new()
        {
            ["group"] = it.Group,
            ["version"] = it.Version,
            ["resource"] = it.Plural,
        };
}
