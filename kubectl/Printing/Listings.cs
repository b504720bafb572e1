using System.Globalization;
using System.Text.Json.Serialization;
using Hostdev.Kubectl.Answers;

namespace Hostdev.Kubectl.Printing;

/// <summary>The columns of every list.</summary>
internal static class Listings
{
    /// <param name="now">What times are told from.</param>
    public static Listing<DeviceRow> Devices(DateTimeOffset now) =>
        new(
            "DeviceList",
            [
                new("CLASS", d => d.Class),
                new("NODE", d => d.Node),
                new("ID", d => d.Id),
                new("NAME", d => d.Name),
                new("STATE", d => d.State.ToString()),
                new("RESOURCE", d => d.Resource),
                new("POD", d => d.PodText),
                new("VM", d => d.VirtualMachine),
                new("SINCE", d => Age.Of(d.Since, now)),
                new("REASON", d => d.Reason),
                new("IDS", d => d.Ids, IsWide: true),
                new("DRIVER", d => d.Driver, IsWide: true),
                new("NUMA", d => Number(d.NumaNode), IsWide: true),
                new("GROUP", d => Number(d.IommuGroup), IsWide: true),
                new("SERIAL", d => d.Serial, IsWide: true),
                new("MESSAGE", d => d.Message, IsWide: true),
            ],
            AnswersJsonContext.Default.DeviceRow
        );

    public static Listing<ResourceRow> Resources { get; } =
        new(
            "ResourceList",
            [
                new("NODE", r => r.Node),
                new("RESOURCE", r => r.Resource),
                new("CAPACITY", r => Number(r.Capacity)),
                new("FREE", r => Number(r.Free)),
                new("ALLOCATED", r => Number(r.Allocated)),
                new("UNHEALTHY", r => Number(r.Unhealthy)),
                new("CORDONED", r => Number(r.Cordoned)),
                new("REGISTERED", r => r.Registered ? "yes" : "no"),
                new("COMPANION OF", r => r.CompanionOf, IsWide: true),
                new("PROBLEM", r => r.Problem, IsWide: true),
            ],
            AnswersJsonContext.Default.ResourceRow
        );

    public static Listing<ResourceRow> Free { get; } =
        new(
            "FreeList",
            [
                new("NODE", r => r.Node),
                new("FREE", r => Number(r.Free)),
                new("CAPACITY", r => Number(r.Capacity)),
                new("DEVICES", r => r.CompanionOf is { } of ? $"tokens, for companions of {of}" : string.Join(',', r.FreeDevices)),
            ],
            AnswersJsonContext.Default.ResourceRow
        );

    public static Listing<PlannedChange> PlannedChanges { get; } =
        new(
            "PlannedChangeList",
            [
                new("NODE", c => c.Node),
                new("DEVICE", c => c.Device),
                new("CHANGE", c => c.Change.ToString()),
                new("RESOURCE", c => c.Resource),
                new("REASON", c => c.Reason),
                new("MESSAGE", c => c.Message),
            ],
            AnswersJsonContext.Default.PlannedChange
        );

    public static Listing<Problem> Problems { get; } =
        new(
            "ProblemList",
            [new("OBJECT", p => p.Object), new("REASON", p => p.Reason), new("MESSAGE", p => p.Message)],
            AnswersJsonContext.Default.Problem
        );

    private static string? Number(int? number) => number?.ToString(CultureInfo.InvariantCulture);
}

/// <summary>How answers are written in JSON: what is not known is left out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    WriteIndented = true,
    NewLine = "\n"
)]
[JsonSerializable(typeof(DeviceRow))]
[JsonSerializable(typeof(ResourceRow))]
[JsonSerializable(typeof(Explanation))]
[JsonSerializable(typeof(DeviceTree))]
[JsonSerializable(typeof(PodReason))]
[JsonSerializable(typeof(PlannedChange))]
[JsonSerializable(typeof(ClusterPlan))]
[JsonSerializable(typeof(Problem))]
internal sealed partial class AnswersJsonContext : JsonSerializerContext;

/// <summary>As <see cref="AnswersJsonContext"/>, an object in one line.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(Transition))]
internal sealed partial class TransitionJsonContext : JsonSerializerContext;
