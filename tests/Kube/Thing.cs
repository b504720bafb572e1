using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.Kube.Client;
using Hostdev.Kube.Meta;
using Microsoft.Extensions.Logging;

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

/// <summary>Keeps what was logged.</summary>
internal sealed class LogLines : ILogger<KubeClient>, ILogger<KubeletAdvertiser>
{
    private readonly List<string> _lines = [];

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    public IEnumerable<string> Warnings =>
        Lines.Where(l => l.StartsWith("Warning", StringComparison.Ordinal) || l.StartsWith("Error", StringComparison.Ordinal));

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        lock (_lines)
            _lines.Add($"{logLevel} {formatter(state, exception)}{(exception is null ? "" : " " + exception)}");
    }
}
