using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Admission;

/// <summary>One of a policy's <c>validations</c>.</summary>
/// <param name="MessageExpression">Goes before <paramref name="Message"/>; null for none.</param>
internal sealed record AdmissionValidation(CelExpression Expression, string Message, CelExpression? MessageExpression, string Reason)
{
    public static AdmissionValidation Of(JsonObject json) =>
        new(
            CelExpression.Of(json.Text("expression")),
            json.Text("message").Trim(),
            json.Text("messageExpression") is { Length: > 0 } text ? CelExpression.Of(text) : null,
            json.Text("reason")
        );

    /// <summary>What it says against a request; null for nothing.</summary>
    /// <param name="admitsErrors">An expression that has no value lets the request pass.</param>
    public AdmissionDecision? Decide(CelScope scope, bool admitsErrors) =>
        Expression.Decide(scope) switch
        {
            { Error: { } error } => admitsErrors ? null : new AdmissionDecision(error),
            { IsTrue: true } => null,
            _ => new AdmissionDecision(Words(scope), Reason.Length > 0 ? Reason : AdmissionDecision.Invalid),
        };

    private string Words(CelScope scope)
    {
        var said = (MessageExpression?.Evaluate(scope).Value as string)?.Trim() ?? "";
        if (said.Length > 0 && !said.Contains('\n', StringComparison.Ordinal))
            return said;
        return Message.Length > 0 ? Message : $"failed expression: {Expression.Text.Trim()}";
    }
}
