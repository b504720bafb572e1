using System.Collections.Immutable;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory.Rendering;

/// <summary>
/// The inventory in the shape that <c>--output json</c> and <c>yaml</c> print, and that scripts rely on: the model's names in camelCase,
/// addresses, ids and UUIDs as text, absent facts left out, classes that were not asked for left out.
/// </summary>
internal sealed record InventoryDocument
{
    public required HostFacts Facts { get; init; }

    public ImmutableArray<PciFunction>? Functions { get; init; }

    public ImmutableArray<IommuGroup>? IommuGroups { get; init; }

    public ImmutableArray<UsbDevice>? UsbDevices { get; init; }

    public ImmutableArray<ScsiDevice>? ScsiDevices { get; init; }

    public ImmutableArray<MdevParent>? MdevParents { get; init; }

    public ImmutableArray<MdevDevice>? Mdevs { get; init; }

    /// <summary>What interfaces and disks say of themselves, by name.</summary>
    public ImmutableSortedDictionary<string, ChildDetails>? Details { get; init; }

    /// <summary>How each device is used, in words, by ID; absent where that was not asked.</summary>
    public ImmutableSortedDictionary<string, string>? Uses { get; init; }

    /// <summary>Always there, empty when everything could be read.</summary>
    public required ImmutableArray<ReadProblem> Problems { get; init; }

    public static InventoryDocument Of(InventoryPage page)
    {
        var (inventory, classes) = (page.Inventory, page.Classes);
        return new()
        {
            Facts = inventory.Facts,
            Functions = classes.HasFlag(DeviceClasses.Pci) ? [.. inventory.Functions.Values] : null,
            IommuGroups = classes.HasFlag(DeviceClasses.Pci) ? [.. inventory.Groups.Values] : null,
            UsbDevices = classes.HasFlag(DeviceClasses.Usb) ? inventory.UsbDevices : null,
            ScsiDevices = classes.HasFlag(DeviceClasses.Scsi) ? inventory.ScsiDevices : null,
            MdevParents = classes.HasFlag(DeviceClasses.Mdev) ? inventory.MdevParents : null,
            Mdevs = classes.HasFlag(DeviceClasses.Mdev) ? inventory.Mdevs : null,
            Details = page.Details.IsEmpty ? null : page.Details,
            Uses = page.Uses?.ToImmutableSortedDictionary(u => u.Key.ToString(), u => u.Value, StringComparer.Ordinal),
            Problems = inventory.Problems,
        };
    }

    public string ToJson() => JsonSerializer.Serialize(this, Type) + "\n";

    private static readonly JsonTypeInfo<InventoryDocument> Type =
        (JsonTypeInfo<InventoryDocument>)
            new JsonSerializerOptions(InventoryJsonContext.Default.Options)
            {
                // Names of devices are for people to read; nothing here goes into HTML.
                Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
                TypeInfoResolver = InventoryJsonContext.Default.WithAddedModifier(WriteClassCodeAsDigits),
            }.GetTypeInfo(typeof(InventoryDocument));

    /// <summary>A class code is read as six hexadecimal digits everywhere else.</summary>
    private static void WriteClassCodeAsDigits(JsonTypeInfo type)
    {
        var name =
            type.Type == typeof(PciFunction) ? "classCode"
            : type.Type == typeof(UsbInterface) ? "class"
            : null;
        foreach (var property in type.Properties)
            if (property.Name == name)
                property.CustomConverter = new ClassCodeConverter();
    }
}

[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    WriteIndented = true,
    NewLine = "\n"
)]
[JsonSerializable(typeof(InventoryDocument))]
internal sealed partial class InventoryJsonContext : JsonSerializerContext;

internal sealed class ClassCodeConverter : JsonConverter<uint>
{
    public override uint Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        uint.TryParse(reader.GetString(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new JsonException("expected six hexadecimal digits");

    public override void Write(Utf8JsonWriter writer, uint value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString("x6", CultureInfo.InvariantCulture));
}
