using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hostdev.Kube.Client;

/// <summary>
/// A time with exactly six decimals of a second: <c>metav1.MicroTime</c> takes nothing else, and <c>metav1.Time</c> takes it too.
/// Finer parts are cut off. KubernetesClient's own converter leaves the decimals out on a whole second.
/// </summary>
internal sealed class MicroTimeConverter : JsonConverter<DateTime>
{
    /// <param name="time">In UTC.</param>
    public static string Format(DateTime time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    public override DateTime Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetDateTimeOffset().UtcDateTime;

    public override void Write(Utf8JsonWriter writer, DateTime value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Format(value));
}
