using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Parsing;

/// <summary>
/// How the kinds read and write JSON: camelCase names, enums by name, value types through their own parsers, nulls left out. The generated
/// readers set every init property, absent ones to the type's default: so a default of ours stands in the property's getter, and the
/// default of an enum is its first member.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    Converters = [
        typeof(PciClassConverter),
        typeof(ResourceNameConverter),
        typeof(FileModeConverter),
        typeof(ReasonConverter),
        typeof(FindingStateConverter),
        typeof(RiskConverter),
        typeof(NamedEnumConverter<Disruption>),
        typeof(NamedEnumConverter<GroupPolicy>),
        typeof(NamedEnumConverter<IommuBackend>),
        typeof(NamedEnumConverter<ResetChoice>),
        typeof(NamedEnumConverter<OnProtected>),
        typeof(NamedEnumConverter<Binding>),
        typeof(NamedEnumConverter<Protection>),
        typeof(NamedEnumConverter<Nearness>),
        typeof(NamedEnumConverter<Vmm>),
        typeof(NamedEnumConverter<DriverType>),
        typeof(NamedEnumConverter<VfManagement>),
        typeof(NamedEnumConverter<MacType>),
        typeof(NamedEnumConverter<VfLinkState>),
        typeof(NamedEnumConverter<MdevMode>),
        typeof(NamedEnumConverter<MdevTransport>),
        typeof(NamedEnumConverter<AttributeTime>),
        typeof(NamedEnumConverter<LabelOperator>),
        typeof(NamedEnumConverter<ConditionStatus>),
        typeof(TimeConverter),
    ]
)]
[JsonSerializable(typeof(LabelSelector))]
[JsonSerializable(typeof(HostDeviceSpec))]
[JsonSerializable(typeof(SriovPolicySpec))]
[JsonSerializable(typeof(MdevProfileSpec))]
[JsonSerializable(typeof(PolicyObject))]
[JsonSerializable(typeof(NodeDeviceState))]
[JsonSerializable(typeof(NodeDeviceStateSummary))]
[JsonSerializable(typeof(NodeProjection))]
[JsonSerializable(typeof(PolicyStatus))]
[JsonSerializable(typeof(NodeDeviceStateStatus))]
[JsonSerializable(typeof(JsonNode))]
internal sealed partial class CrdsJsonContext : JsonSerializerContext;

internal sealed class PciClassConverter() : ParsedStringConverter<PciClass>(PciClass.Parse);

internal sealed class ResourceNameConverter() : ParsedStringConverter<ResourceName>(ResourceName.Parse);

internal sealed class RiskConverter() : ParsedStringConverter<Risk>(Risks.Parse);

internal sealed class FileModeConverter() : ParsedStringConverter<Kinds.FileMode>(Kinds.FileMode.Parse);

/// <summary>
/// A number of nodes or a percentage (<c>IntOrString</c> of apimachinery): a number is read as its digits, and digits are written as a
/// number.
/// </summary>
internal sealed class NodeShareConverter : JsonConverter<string>
{
    public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType switch
        {
            JsonTokenType.String => reader.GetString()!,
            JsonTokenType.Number when reader.TryGetInt32(out var nodes) => nodes.ToString(CultureInfo.InvariantCulture),
            _ => throw new JsonException("must be a number of nodes or a percentage in quotes"),
        };

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options)
    {
        if (int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var nodes))
            writer.WriteNumberValue(nodes);
        else
            writer.WriteStringValue(value);
    }
}

/// <summary>An enum by its names, spelled exactly; a wrong one is answered with the list of right ones.</summary>
internal sealed class NamedEnumConverter<T>() : ParsedStringConverter<T>(Parse)
    where T : struct, Enum
{
    private static T Parse(string text) =>
        Enum.GetNames<T>().Contains(text, StringComparer.Ordinal)
            ? Enum.Parse<T>(text)
            : throw new FormatException($"\"{text}\" is not one of {string.Join(", ", Enum.GetNames<T>())}");
}
