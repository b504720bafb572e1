using System.Globalization;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// What is wrong with one field, in the words of the API server (apimachinery <c>field.Error</c>): one entry of a Status's
/// <c>details.causes</c>.
/// </summary>
/// <param name="Reason">A cause type that programs match on: <c>FieldValueRequired</c>, <c>FieldValueInvalid</c>.</param>
/// <param name="Path">Where: <c>spec.rules[2].name</c>. <c>&lt;nil&gt;</c> where the API server names no field.</param>
/// <param name="Message">Without the path: <c>Invalid value: -1: spec.numVfs in body should be greater than or equal to 0</c>.</param>
public sealed record FieldError(string Reason, string Path, string Message)
{
    /// <summary>How the API server names the field of an error that belongs to no field (a nil <c>field.Path</c>).</summary>
    public const string NoPath = "<nil>";

    /// <summary>What stands after the other errors when one of them <see cref="StopsRules"/>.</summary>
    public static FieldError RulesNotChecked { get; } =
        Invalid(
            NoPath,
            null,
            "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"
        );

    /// <summary>
    /// Whether rules of <c>x-kubernetes-validations</c> are not asked any more, because the object is not what they expect (apiextensions
    /// <c>hasBlockingErr</c>).
    /// </summary>
    public bool StopsRules =>
        Reason is "FieldValueNotSupported" or "FieldValueRequired" or "FieldValueTooLong" or "FieldValueTooMany" or "FieldValueTypeInvalid";

    public static FieldError Required(string path, string detail = "") => new("FieldValueRequired", path, With("Required value", detail));

    public static FieldError Forbidden(string path, string detail) => new("FieldValueForbidden", path, With("Forbidden", detail));

    public static FieldError Invalid(string path, JsonNode? value, string detail) =>
        new("FieldValueInvalid", path, With($"Invalid value: {GoText.Value(value)}", detail));

    /// <summary>Without the value (apimachinery <c>field.OmitValueType</c>).</summary>
    public static FieldError Invalid(string path, string detail) => new("FieldValueInvalid", path, $"Invalid value: {detail}");

    /// <summary>A value of another type than the schema's; <paramref name="actual"/> names its type.</summary>
    public static FieldError WrongType(string path, string actual, string detail) =>
        new("FieldValueTypeInvalid", path, With($"Invalid value: {GoText.Quote(actual)}", detail));

    public static FieldError Duplicate(string path, JsonNode? value) =>
        new("FieldValueDuplicate", path, $"Duplicate value: {GoText.Value(value)}");

    public static FieldError NotSupported(string path, JsonNode? value, IEnumerable<string> supported) =>
        new(
            "FieldValueNotSupported",
            path,
            $"Unsupported value: {GoText.Value(value)}: supported values: {string.Join(", ", supported.Select(GoText.Quote))}"
        );

    /// <summary>The API server counts code points and says bytes (apimachinery <c>field.TooLong</c>).</summary>
    public static FieldError TooLong(string path, long maximum) =>
        new("FieldValueTooLong", path, $"Too long: may not be more than {Count(maximum, "byte")}");

    public static FieldError TooMany(string path, int actual, long maximum) =>
        new(
            "FieldValueTooMany",
            path,
            $"Too many: {actual.ToString(CultureInfo.InvariantCulture)}: must have at most {Count(maximum, "item")}"
        );

    /// <summary><c>spec.numVfs: Invalid value: -1: …</c>: how it stands in a Status's message.</summary>
    public override string ToString() => $"{Path}: {Message}";

    /// <summary>
    /// The part of a Status's message after <c>is invalid: </c>: one error as it is, several in brackets, each text once
    /// (apimachinery <c>ErrorList.ToAggregate</c>).
    /// </summary>
    public static string Join(IEnumerable<FieldError> errors)
    {
        var texts = errors.Select(e => e.ToString()).Distinct().ToList();
        return texts is [var only] ? only : $"[{string.Join(", ", texts)}]";
    }

    private static string With(string text, string detail) => detail.Length == 0 ? text : $"{text}: {detail}";

    private static string Count(long number, string unit) =>
        $"{number.ToString(CultureInfo.InvariantCulture)} {unit}{(number == 1 ? "" : "s")}";
}
