using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// The keywords for strings and numbers. They look at the value's own type: a string where a number belongs is still held to its length.
/// </summary>
internal static class ScalarChecks
{
    public static IEnumerable<FieldError> Validate(StructuralSchema schema, JsonNode value, Place place)
    {
        if (JsonType.Text(value) is { } text)
            return [.. Text(schema.Constraints, text, place), .. Format(schema.Constraints.Format, text, place)];
        return JsonType.Of(value) is JsonType.Integer or JsonType.Number ? Number(schema, value, place) : [];
    }

    /// <summary>At most one error: the first that fails ends it.</summary>
    private static IEnumerable<FieldError> Text(ValueConstraints constraints, string text, Place place)
    {
        var length = text.EnumerateRunes().Count();
        if (length > constraints.MaxLength)
            return [FieldError.TooLong(place.Field, constraints.MaxLength.Value)];
        if (length < constraints.MinLength)
            return [FieldError.Invalid(place.Field, text, $"{place.Name}should be at least {constraints.MinLength} chars long")];
        if (constraints.Pattern?.IsMatch(text) == false)
            return [FieldError.Invalid(place.Field, text, $"{place.Name}should match '{constraints.Pattern}'")];
        return [];
    }

    private static IEnumerable<FieldError> Format(string format, string text, Place place)
    {
        if (StringFormats.Matches(format, text))
            return [];
        return
        [
            new FieldError(
                "FieldValueTypeInvalid",
                place.Field,
                $"Invalid value: {GoText.Quote(text)}: {place.Name}must be of type {format}: {GoText.Quote(text)}"
            ),
        ];
    }

    private static IEnumerable<FieldError> Number(StructuralSchema schema, JsonNode value, Place place)
    {
        var (constraints, number) = (schema.Constraints, JsonType.Double(value));
        if (!IsInRange(schema, value, number))
            yield return FieldError.Invalid(
                FieldError.NoPath,
                JsonValue.Create(""),
                $"Checked value must be of type {schema.Type}{RangeFormat(schema)} in {place.Path}"
            );
        if (constraints.MultipleOf is { } factor && !double.IsInteger(factor < 1 ? 1 / factor * number : number / factor))
            yield return Refuse($"be a multiple of {GoText.Number(factor)}");
        if (constraints.Maximum is { } maximum && (number > maximum || (constraints.ExclusiveMaximum && number == maximum)))
            yield return Refuse($"be less than {(constraints.ExclusiveMaximum ? "" : "or equal to ")}{GoText.Number(maximum)}");
        if (constraints.Minimum is { } minimum && (number < minimum || (constraints.ExclusiveMinimum && number == minimum)))
            yield return Refuse($"be greater than {(constraints.ExclusiveMinimum ? "" : "or equal to ")}{GoText.Number(minimum)}");

        FieldError Refuse(string what) => FieldError.Invalid(place.Field, value, $"{place.Name}should {what}");
    }

    private static string RangeFormat(StructuralSchema schema) =>
        schema.Constraints.Format.Length == 0 ? " (default format)" : $" with format {schema.Constraints.Format}";

    /// <summary>An integer without a format must fit 64 bits, with one what the format says.</summary>
    private static bool IsInRange(StructuralSchema schema, JsonNode value, double number) =>
        (schema.Type, schema.Constraints.Format) switch
        {
            (JsonType.Integer, "int32") => number is >= int.MinValue and <= int.MaxValue && double.IsInteger(number),
            (JsonType.Integer, _) => JsonType.TryInteger(value, out _) || (double.IsInteger(number) && Math.Abs(number) < 1e18),
            (JsonType.Number, "float") => Math.Abs(number) <= float.MaxValue,
            _ => true,
        };
}
