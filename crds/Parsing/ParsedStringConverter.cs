using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hostdev.Crds.Parsing;

/// <summary>
/// A value written as a string, also as the name of a field; what its parser says of a wrong one is what the admin reads.
/// </summary>
public abstract class ParsedStringConverter<T>(Func<string, T> parse) : JsonConverter<T>
    where T : notnull
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String
            ? Parse(reader.GetString()!)
            : throw new JsonException("must be a string: put the value in quotes");

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());

    public override T ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Parse(reader.GetString()!);

    public override void WriteAsPropertyName(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WritePropertyName(value.ToString()!);

    private T Parse(string text)
    {
        try
        {
            return parse(text);
        }
        catch (FormatException e)
        {
            throw new JsonException(e.Message, e);
        }
    }
}

public sealed class PciAddressConverter() : ParsedStringConverter<PciAddress>(PciAddress.Parse);

public sealed class MacAddressConverter() : ParsedStringConverter<MacAddress>(MacAddress.Parse);

public sealed class PciIdConverter() : ParsedStringConverter<PciId>(PciId.Parse);

public sealed class MdevUuidConverter() : ParsedStringConverter<MdevUuid>(MdevUuid.Parse);

public sealed class UsbPortConverter() : ParsedStringConverter<UsbPort>(UsbPort.Parse);

public sealed class ScsiDiskConverter() : ParsedStringConverter<ScsiDisk>(ScsiDisk.Parse);

public sealed class DeviceIdConverter() : ParsedStringConverter<DeviceId>(DeviceId.Parse);
