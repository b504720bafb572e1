using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>Values as the API server prints them in its messages.</summary>
internal static class GoText
{
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Go's <c>%q</c>.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var rune in text.EnumerateRunes())
        {
            quoted.Append(
                rune.Value switch
                {
                    '"' => "\\\"",
                    '\\' => @"\\",
                    '\n' => "\\n",
                    '\r' => "\\r",
                    '\t' => "\\t",
                    < 0x20 or 0x7f => string.Create(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"),
                    _ => rune.ToString(),
                }
            );
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>As <c>field.Error</c> prints a bad value: strings quoted, the rest as JSON.</summary>
    public static string Value(JsonNode? value) =>
        value switch
        {
            null => "null",
            JsonValue scalar when scalar.TryGetValue<string>(out var text) => Quote(text),
            JsonValue scalar when JsonType.Of(scalar) == JsonType.Number => Number(JsonType.Double(scalar)),
            _ => value.ToJsonString(s_plain),
        };

    /// <summary>Go's <c>%v</c> of a float64: exponents from 1e+21 on.</summary>
    public static string Number(double value)
    {
        if (value == 0)
            return "0";
        var exponent = (int)Math.Floor(Math.Log10(Math.Abs(value)));
        if (exponent is >= -4 and < 21)
            return value.ToString("0.##################", CultureInfo.InvariantCulture);
        var parts = value.ToString("R", CultureInfo.InvariantCulture).Split('E');
        return parts.Length == 1 ? parts[0] : $"{parts[0]}e{parts[1][0]}{parts[1][1..].PadLeft(2, '0')}";
    }
}
