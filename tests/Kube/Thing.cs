using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Hostdev.Kube.Meta;

namespace Hostdev.Tests.Kube;

/// <summary>A kind to test with.</summary>
internal sealed record Thing : IKubeObject
{
    public const string Path = "/apis/example.io/v1/things";

    public static KubeKind<Thing> Kind { get; } =
        new(new KubeResource("example.io", "v1", "Thing", "things", Namespaced: false), ThingJsonContext.Default.Thing);

    public ObjectMeta Metadata
    {
        get => field ?? new ObjectMeta();
        init;
    }

    public ThingSpec? Spec { get; init; }

    public static JsonObject Json(string name, int size) =>
        new()
        {
            ["apiVersion"] = "example.io/v1",
            ["kind"] = "Thing",
            ["metadata"] = new JsonObject { ["name"] = name },
            ["spec"] = new JsonObject { ["size"] = size, ["note"] = "brackets ]}[{ and \"quotes\" and ümläut" },
        };
}

internal sealed record ThingSpec(int Size);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Thing))]
internal sealed partial class ThingJsonContext : JsonSerializerContext;
