using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;

namespace Hostdev.Tests.Crds;

/// <summary>The YAML schemas and the C# records, held together in both directions: each difference is named with its field.</summary>
public sealed class CrdSchemaTests
{
    private static readonly JsonSerializerOptions s_json = HostdevKinds.HostDevices.Json.Options;

    /// <summary>Strings in C#, because the agent writes them and nobody reads them back; the schema knows their values.</summary>
    private static readonly string[] s_wordsOfTheAgent =
    [
        "NodeDeviceState.status.host.interruptRemapping",
        "NodeDeviceState.status.conditions[].status",
        "NodeDeviceState.status.devices[].class",
        "NodeDeviceState.status.names[].class",
    ];

    /// <summary>Agents of the version before write it, and this version reads it nowhere.</summary>
    private static readonly string[] s_ofTheVersionBefore = ["NodeDeviceState.status.devices[].iommuGroup"];

    /// <summary>Admins write them, and the operator, whose part of the spec the record is, leaves them as they are.</summary>
    private static readonly string[] s_ofAdmins = ["NodeDeviceState.spec.cordons"];

    public static TheoryData<string, string, Type> Records =>
        new()
        {
            { "HostDevice", "spec", typeof(HostDeviceSpec) },
            { "SriovPolicy", "spec", typeof(SriovPolicySpec) },
            { "MdevProfile", "spec", typeof(MdevProfileSpec) },
            { "HostDevice", "status", typeof(PolicyStatus) },
            { "SriovPolicy", "status", typeof(PolicyStatus) },
            { "MdevProfile", "status", typeof(PolicyStatus) },
            { "NodeDeviceState", "spec", typeof(NodeProjectionSpec) },
            { "NodeDeviceState", "status", typeof(NodeDeviceStateStatus) },
        };

    public static TheoryData<string> Kinds => [.. CrdFiles.PolicyKinds, "NodeDeviceState"];

    [Theory]
    [MemberData(nameof(Records))]
    public void Schema_and_record_have_the_same_fields_types_values_defaults_and_requirements(string kind, string part, Type record)
    {
        var findings = new List<string>();
        Compare(CrdFiles.Schema(kind, part), s_json.GetTypeInfo(record), $"{kind}.{part}", findings);

        Assert.Equal([], findings);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_field_is_described_and_nothing_grows_without_limit(string kind)
    {
        var findings = new List<string>();
        foreach (var (at, schema) in Fields(CrdFiles.Schema(kind), kind))
        {
            if (at.EndsWith(".metadata", StringComparison.Ordinal))
                continue; // apiextensions allows no description there
            if (!at.EndsWith(']') && schema.Description.Length < 5)
                findings.Add($"{at} has no description");
            var limits = schema.Constraints;
            if (schema.Type == "string" && limits.MaxLength is null && limits.Enum.IsEmpty)
                findings.Add($"{at} has no maxLength");
            if (schema.Type == "array" && (limits.MaxItems is null || schema.ListType.Length == 0))
                findings.Add($"{at} lacks maxItems or a list type");
            if (schema.AdditionalProperties is not null && limits.MaxProperties is null)
                findings.Add($"{at} has no maxProperties");
        }

        Assert.Equal([], findings);
    }

    /// <summary>It is written by whoever has a node's token, and summed over all nodes.</summary>
    [Fact]
    public void Every_number_of_a_node_s_status_has_both_bounds()
    {
        var numbers = Fields(CrdFiles.Schema("NodeDeviceState", "status"), "status").Where(f => f.Schema.Type == "integer").ToList();
        Assert.NotEmpty(numbers);
        Assert.Equal([], numbers.Where(f => f.Schema.Constraints is not { Minimum: not null, Maximum: not null }).Select(f => f.At));
    }

    [Theory]
    [InlineData("HostDevice", "hostdevices", "hd", "Resource, Ready, Reason, Nodes, Devices, Allocated, Age, Message")]
    [InlineData("SriovPolicy", "sriovpolicies", "sp", "Resource, Ready, Reason, Nodes, Devices, Allocated, Age, Message")]
    [InlineData("MdevProfile", "mdevprofiles", "mp", "Resource, Ready, Reason, Nodes, Devices, Allocated, Age, Message")]
    [InlineData(
        "NodeDeviceState",
        "nodedevicestates",
        "nds",
        "Ready, Progressing, Degraded, Synced, Devices, Offered, Allocated, Problems, Projected, Age, Reason, Message"
    )]
    public void A_kind_is_found_under_its_names_and_shown_at_a_glance(string kind, string plural, string shortName, string columns)
    {
        var crd = CrdFiles.Of(kind);

        Assert.Equal(("hostdev.io", plural, kind + "List", false), (crd.Group, crd.Plural, crd.ListKind, crd.Namespaced));
        Assert.Equal(
            (shortName, "hostdev", true),
            (Assert.Single(crd.ShortNames), Assert.Single(crd.Categories), crd.StorageVersion.HasStatus)
        );
        Assert.Equal(columns, string.Join(", ", crd.StorageVersion.Columns.Select(c => c.Name)));
    }

    [Theory]
    [InlineData("devices")]
    [InlineData("names")]
    public void A_class_in_a_node_s_status_is_a_word_of_DeviceClass(string list) =>
        Assert.Equal(
            Enum.GetValues<DeviceClass>().Select(c => c.Word()),
            CrdFiles.Schema("NodeDeviceState", "status", list).Items!.Properties["class"].Constraints.Enum.Select(w => (string)w!)
        );

    [Fact]
    public void The_kinds_are_kept_where_the_CRDs_say()
    {
        KubeResourceOf(HostdevKinds.HostDevices.Resource);
        KubeResourceOf(HostdevKinds.SriovPolicies.Resource);
        KubeResourceOf(HostdevKinds.MdevProfiles.Resource);
        KubeResourceOf(HostdevKinds.NodeDeviceStates.Resource);

        static void KubeResourceOf(Hostdev.Kube.Meta.KubeResource resource)
        {
            var crd = CrdFiles.Of(resource.Kind);
            Assert.Equal(
                (crd.Group, crd.StorageVersion.Name, crd.Plural, crd.Namespaced),
                (resource.Group, resource.Version, resource.Plural, resource.Namespaced)
            );
        }
    }

    [Fact]
    public void A_node_that_was_not_projected_yet_is_legal_and_an_empty_list_is_explicit()
    {
        Assert.Empty(StateErrors("{}"));
        Assert.Empty(StateErrors("""{"spec": {"policies": []}}"""));
        Assert.Equal(["spec.policies: Required value"], StateErrors("""{"spec": {}}"""));
    }

    [Fact]
    public void What_a_newer_operator_writes_into_a_policy_is_kept()
    {
        var state = (JsonObject)
            JsonNode.Parse(
                """{"spec": {"policies": [{"kind": "New", "name": "x", "uid": "1", "generation": 1, "spec": {"shade": {"of": "blue"}}}]}}"""
            )!;

        Assert.Empty(CrdFiles.Schema("NodeDeviceState").Prune(state));
        Assert.Equal("blue", state["spec"]!["policies"]![0]!["spec"]!["shade"]!["of"]!.GetValue<string>());
    }

    private static IEnumerable<string> StateErrors(string json)
    {
        var state = (JsonObject)JsonNode.Parse(json)!;
        return CrdFiles.Schema("NodeDeviceState").Validate(state, null).Select(e => e.ToString());
    }

    private static IEnumerable<(string At, StructuralSchema Schema)> Fields(StructuralSchema schema, string at) =>
        schema
            .Properties.SelectMany(p => Fields(p.Value, $"{at}.{p.Key}").Prepend(($"{at}.{p.Key}", p.Value)))
            .Concat(schema.Items is { } items ? Fields(items, $"{at}[]").Prepend(($"{at}[]", items)) : [])
            .Concat(schema.AdditionalProperties is { } value ? Fields(value, $"{at}[]").Prepend(($"{at}[]", value)) : []);

    private static void Compare(StructuralSchema schema, JsonTypeInfo record, string at, List<string> findings)
    {
        var properties = record.Properties.Where(p => p.Get is not null || p.Set is not null).ToDictionary(p => p.Name);
        var unknown = schema
            .Properties.Keys.Except(properties.Keys)
            .Where(n => !s_ofTheVersionBefore.Concat(s_ofAdmins).Contains($"{at}.{n}"));
        findings.AddRange(unknown.Select(n => $"{at}.{n} is in the schema, and no property of {record.Type.Name}"));
        findings.AddRange(
            properties
                .Keys.Except(schema.Properties.Keys)
                .Select(n => $"{at}.{n} is a property of {record.Type.Name}, and not in the schema")
        );
        // a rule asks for it, with a better message
        var required = properties.Values.Where(p => p.IsRequired && p.Name != "nodeSelector").Select(p => p.Name);
        findings.AddRange(required.Except(schema.Constraints.Required).Select(n => $"{at}.{n} is required in C#, and not in the schema"));
        findings.AddRange(
            schema
                .Constraints.Required.Except(properties.Values.Where(p => p.IsRequired).Select(p => p.Name))
                .Select(n => $"{at}.{n} is required in the schema, and not in C#")
        );
        var empty = record.Type.GetConstructor(Type.EmptyTypes) is { } constructor ? constructor.Invoke(null) : null;
        foreach (var (name, property) in properties.Where(p => schema.Properties.ContainsKey(p.Key)))
        {
            var field = schema.Properties[name];
            CompareDefault(field, property, empty, $"{at}.{name}", findings);
            CompareType(field, Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType, $"{at}.{name}", findings);
        }
    }

    private static void CompareType(StructuralSchema field, Type type, string at, List<string> findings)
    {
        var info = s_json.GetTypeInfo(type);
        if (info.Kind == JsonTypeInfoKind.Enumerable)
        {
            if (field.Items is null)
                findings.Add($"{at} is a list in C#, and {field.Type} in the schema");
            else
                CompareType(field.Items, info.ElementType!, at + "[]", findings);
        }
        else if (info.Kind == JsonTypeInfoKind.Dictionary)
        {
            if (field.AdditionalProperties is null)
                findings.Add($"{at} is a map in C#, and has fixed members in the schema");
        }
        else if (info.Kind == JsonTypeInfoKind.Object)
        {
            Compare(field, info, at, findings);
        }
        else
        {
            CompareScalar(field, type, at, findings);
        }
    }

    private static void CompareScalar(StructuralSchema field, Type type, string at, List<string> findings)
    {
        var expected =
            type == typeof(bool) ? "boolean "
            : type == typeof(int) ? "integer int32"
            : type == typeof(long) ? "integer int64"
            : type == typeof(DateTimeOffset) ? "string date-time"
            : type == typeof(JsonElement) ? "object "
            : field.IntOrString && type == typeof(string) ? " "
            : "string ";
        if ($"{field.Type} {field.Constraints.Format}" != expected)
            findings.Add($"{at} is {type.Name} in C#, and {field.Type} {field.Constraints.Format} in the schema");
        if (type == typeof(JsonElement) != field.PreserveUnknownFields)
            findings.Add($"{at}: unknown fields are kept in one of the two alone");
        var words = field.Constraints.Enum.Select(e => e!.GetValue<string>()).Order(StringComparer.Ordinal);
        var names = (
            type.IsEnum ? Enum.GetNames(type)
            : type == typeof(Risk) ? Risks.All.Select(r => r.Name)
            : []
        ).Order(StringComparer.Ordinal);
        if (!words.SequenceEqual(names) && !s_wordsOfTheAgent.Contains(at))
            findings.Add($"{at} is one of {string.Join(", ", names)} in C#, and of {string.Join(", ", words)} in the schema");
    }

    /// <summary>
    /// What a field that is absent means: the schema writes it down, and the property's getter says it where there is no API server.
    /// </summary>
    private static void CompareDefault(StructuralSchema field, JsonPropertyInfo property, object? empty, string at, List<string> findings)
    {
        var isSpec = at.Split('.')[1] == "spec";
        var value =
            empty is null || property.IsRequired || !isSpec
                ? null
                : JsonSerializer.SerializeToNode(property.Get!(empty), property.PropertyType, s_json);
        if (value is JsonArray { Count: 0 } or JsonObject { Count: 0 })
            value = null; // absent and empty are the same list
        if (at.EndsWith("maxUnavailable", StringComparison.Ordinal))
            value = JsonValue.Create((string)property.Get!(empty!)!);
        if (!JsonNode.DeepEquals(value, field.Default))
            findings.Add(
                $"{at} is {value?.ToJsonString() ?? "nothing"} by default in C#, and "
                    + $"{field.Default?.ToJsonString() ?? "nothing"} in the schema"
            );
    }
}
