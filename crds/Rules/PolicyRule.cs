using System.Text.Json;

namespace Hostdev.Crds.Rules;

/// <summary>
/// One rule of a kind: what <c>x-kubernetes-validations</c> of the CRD says in CEL, in C#, for those who have no API server: agents that
/// follow a file, and the simulated API server. It has the same place and the same words; a test holds both lists together. A value of the
/// wrong type breaks no rule: its type is what is wrong with it. A value that stood there before is refused by no rule, since a version
/// before may have accepted it by fewer of them (KEP-4008).
/// </summary>
/// <param name="Location">Where the CRD has it: <c>spec.pools[name].vfs[*]</c>; <c>[*]</c> is each item of a list, <c>[name]</c> each item
/// of a list that is a map by name.</param>
/// <param name="Expects">The JSON type that the rule looks at; null for any.</param>
/// <param name="Message">What to write instead.</param>
/// <param name="Holds">Whether a value keeps it. The second one is the value that stood there before; undefined where none did, or for the
/// first version of an object.</param>
public sealed record PolicyRule(string Location, JsonValueKind? Expects, string Message, Func<JsonElement, JsonElement, bool> Holds)
{
    /// <summary>
    /// The field below <see cref="Location"/> that is to blame, the rule's <c>fieldPath</c> without its dot; null for the location itself.
    /// </summary>
    public string? Field { get; init; }

    public string Reason { get; init; } = RuleReasons.Invalid;

    /// <summary>Whether it compares with what was there before. The API server asks such a rule only where there was something.</summary>
    public bool IsTransition { get; init; }

    /// <summary>
    /// A rule that became stricter: what stands in an object, or is in force on a node, since before that stays as it is.
    /// </summary>
    public bool IsForNewAlone { get; init; }

    internal static PolicyRule Any(string location, string message, Func<JsonElement, bool> holds) =>
        new(location, null, message, (self, _) => holds(self));

    internal static PolicyRule Object(string location, string message, Func<JsonElement, bool> holds) =>
        new(location, JsonValueKind.Object, message, (self, _) => holds(self));

    internal static PolicyRule List(string location, string message, Func<JsonElement, bool> holds) =>
        new(location, JsonValueKind.Array, message, (self, _) => holds(self));

    internal static PolicyRule Text(string location, string message, Func<string, bool> holds) =>
        new(location, JsonValueKind.String, message, (self, _) => holds(self.GetString()!));

    /// <summary>For whole numbers: what has a fraction has the wrong type.</summary>
    internal static PolicyRule Number(string location, string message, Func<long, bool> holds) =>
        new(location, JsonValueKind.Number, message, (self, _) => !self.TryGetInt64(out var number) || holds(number));

    internal static PolicyRule Transition(
        string location,
        JsonValueKind expects,
        string message,
        Func<JsonElement, JsonElement, bool> holds
    ) => new(location, expects, message, holds) { IsTransition = true };

    internal IEnumerable<RuleRefusal> Refusals(JsonElement spec, JsonElement oldSpec) =>
        from place in RulePlace.All(Location, spec, oldSpec)
        // What did not change is not refused (ratcheting, KEP-4008); that it did not change is what a transition is asked for.
        where Fits(place.Self) && (IsTransition ? Fits(place.Old) : !place.IsUnchanged) && !Holds(place.Self, place.Old)
        select new RuleRefusal(
            Field is null ? place.Path : $"{place.Path}.{Field}",
            Message,
            Reason,
            Shown(Field is null ? place.Self : place.Self.Get(Field))
        );

    private bool Fits(JsonElement value) => value.ValueKind == (Expects ?? value.ValueKind) && value.ValueKind != JsonValueKind.Undefined;

    private static string? Shown(JsonElement value) =>
        value.ValueKind is JsonValueKind.String or JsonValueKind.Number ? value.GetRawText() : null;
}
