namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>One entry of <c>x-kubernetes-validations</c>: carried, never evaluated.</summary>
/// <param name="Rule">A CEL expression; <c>self</c> is the value that the rule stands at.</param>
/// <param name="Message">What the API server says when it is false; empty for its own words.</param>
/// <param name="MessageExpression">A CEL expression that gives the message; goes before <paramref name="Message"/>.</param>
/// <param name="Reason">A cause type; empty for <c>FieldValueInvalid</c>.</param>
/// <param name="FieldPath">Which field the error names, from the value on; empty for the value itself.</param>
public sealed record ValidationRule(
    string Rule,
    string Message = "",
    string MessageExpression = "",
    string Reason = "",
    string FieldPath = "",
    bool OptionalOldSelf = false
);
