using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Hostdev.Crds.Words;
using Hostdev.Planning;
using Hostdev.Planning.Foreseeing;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>
/// A plan in the shape that <c>plan --output json</c> and <c>yaml</c> print, and that scripts rely on: everything that its text says, lists
/// that are empty included, absent facts left out.
/// </summary>
internal sealed record PlanDocument
{
    /// <summary><c>Nothing</c>, <c>Changes</c> or <c>Blocked</c>: what the exit code says too.</summary>
    public required string Verdict { get; init; }

    public string? Halt { get; init; }

    /// <summary>Whether there is an end to it.</summary>
    public required bool Settles { get; init; }

    /// <summary>What is done, one after another; the lanes of one side by side.</summary>
    public required ImmutableArray<Round> Rounds { get; init; }

    public required ImmutableArray<string> KnownOnlyWhenDone { get; init; }

    public required ImmutableArray<Move> TakenFromHost { get; init; }

    public required ImmutableArray<Move> GivenBackToHost { get; init; }

    /// <summary>At the end.</summary>
    public required ImmutableArray<Offer> Offered { get; init; }

    public required ImmutableArray<string> HostLoses { get; init; }

    public required ImmutableArray<Remark> Findings { get; init; }

    public required ImmutableArray<Wait> WaitsFor { get; init; }

    /// <summary>Policies, each with what there is instead.</summary>
    public required ImmutableArray<Unmatched> MatchingNothing { get; init; }

    /// <param name="Once">What it waits for, completing "once ..."; null for what is done now.</param>
    internal sealed record Round(string? Once, ImmutableArray<LaneOfSteps> Lanes);

    internal sealed record LaneOfSteps(string Device, ImmutableArray<string> Steps);

    /// <param name="From">Null where it was not there, or had no driver.</param>
    /// <param name="To">Null where it is not there, or has none.</param>
    internal sealed record Move(string Device, string? From, string? To);

    internal sealed record Offer(
        string Id,
        string Resource,
        string Policy,
        ImmutableArray<string> Devices,
        ImmutableArray<string> Held,
        bool OnAllocate,
        string? NotGivenOut,
        ImmutableArray<OfferedCompanion>? Companions
    );

    /// <summary>A member that comes by a resource of its own.</summary>
    internal sealed record OfferedCompanion(string Resource, string Device);

    internal sealed record Remark(string? Policy, string Device, string State, string Reason, string Message);

    internal sealed record Wait(string Device, ImmutableArray<string> Users);

    internal sealed record Unmatched(string Policy, string? Hint);

    public static PlanDocument Of(ForeseenWay way) =>
        new()
        {
            Verdict = way.Verdict.ToString(),
            Halt = way.End.Halt is { } halt ? $"{halt.Reason}: {halt.Message}" : null,
            Settles = way.Settles,
            Rounds =
            [
                .. way.Rounds.Select(
                    (plan, i) =>
                        new Round(
                            i == 0 ? null : StepWords.Brought(way.Rounds[i - 1]),
                            [.. plan.Lanes.Select(l => new LaneOfSteps(l.Key.ToString(), [.. PlanText.StepsOf(l)]))]
                        )
                ),
            ],
            KnownOnlyWhenDone = way.Assumptions,
            TakenFromHost = [.. way.Lost.Select(Moved)],
            GivenBackToHost = [.. way.Returned.Select(Moved)],
            Offered = [.. way.End.Units.Select(OfferOf)],
            HostLoses = way.HostLoses,
            Findings =
            [
                .. way.Findings.Select(f => new Remark(f.Policy?.ToString(), f.Device, f.State.ToString(), f.Reason.ToString(), f.Message)),
            ],
            WaitsFor = [.. way.WaitsFor.Select(w => new Wait(w.Device, w.Users))],
            MatchingNothing = [.. PlanText.MatchingNothing(way.End).Select(p => new Unmatched(p.Policy.ToString(), p.Hint))],
        };

    public string ToJson() => JsonSerializer.Serialize(this, s_type) + "\n";

    private static Move Moved(ForeseenMove move) => new(move.Function.Address.ToString(), NullIfEmpty(move.From), NullIfEmpty(move.To));

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static Offer OfferOf(Unit unit)
    {
        var given = unit.Handout.Drivers.Select(d => d.Device).ToList();
        return new Offer(
            unit.Id.ToString(),
            unit.Resource.ToString(),
            unit.Policy.ToString(),
            [.. given.Select(d => d.ToString())],
            [.. unit.Claims.Except(given).Select(d => d.ToString())],
            unit.OnAllocate is not null,
            unit.CordonedByAdmin is { } cordoned ? $"{Reasons.CordonedByAdmin}: {cordoned}"
                : unit.OnAllocate?.Obstacle is { } obstacle ? $"{obstacle.Reason}: {obstacle.Message}"
                : null,
            unit.Companions.IsEmpty ? null : [.. unit.Companions.Select(c => new OfferedCompanion(c.Name.ToString(), c.Device.ToString()))]
        );
    }

    private static readonly JsonTypeInfo<PlanDocument> s_type =
        (JsonTypeInfo<PlanDocument>)
            new JsonSerializerOptions(PlanJsonContext.Default.Options)
            {
                // Messages are for people to read; nothing here goes into HTML.
                Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
                TypeInfoResolver = PlanJsonContext.Default,
            }.GetTypeInfo(typeof(PlanDocument));
}

[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true,
    NewLine = "\n"
)]
[JsonSerializable(typeof(PlanDocument))]
internal sealed partial class PlanJsonContext : JsonSerializerContext;
