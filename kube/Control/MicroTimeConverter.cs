using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hostdev.Kube.Control;

/// <summary>A time with exactly six decimals of a second, as <c>metav1.MicroTime</c> has it. Finer parts are cut off.</summary>
internal sealed class MicroTimeConverter : JsonConverter<DateTimeOffset>
{
    public static string Format(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(Format(value));
}
