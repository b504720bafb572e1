using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>How many items and members there may be.</summary>
internal static class CollectionChecks
{
    public static IEnumerable<FieldError> Items(ValueConstraints constraints, JsonArray array, Place place)
    {
        if (array.Count < constraints.MinItems)
            yield return FieldError.Invalid(place.Field, array.Count, $"{place.Name}should have at least {constraints.MinItems} items");
        if (array.Count > constraints.MaxItems)
            yield return FieldError.TooMany(place.Field, array.Count, constraints.MaxItems.Value);
        if (constraints.UniqueItems && HasTwice(array))
            yield return FieldError.Invalid(place.Field, JsonValue.Create(""), $"{place.Name}shouldn't contain duplicates");
    }

    public static IEnumerable<FieldError> Properties(ValueConstraints constraints, JsonObject members, Place place)
    {
        if (members.Count < constraints.MinProperties)
            yield return FieldError.Invalid(
                place.Field,
                members.Count,
                $"{place.Name}should have at least {constraints.MinProperties} properties"
            );
        if (members.Count > constraints.MaxProperties)
            yield return FieldError.TooMany(place.Field, members.Count, constraints.MaxProperties.Value);
    }

    private static bool HasTwice(JsonArray array) =>
        array.Where((item, i) => array.Take(i).Any(earlier => JsonType.Equal(earlier, item))).Any();
}
