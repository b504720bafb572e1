using Hostdev.Sandbox.ApiServer.Storage;
using Microsoft.AspNetCore.Http;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>One page of a list.</summary>
/// <param name="Next">With which the next page is asked for; empty on the last.</param>
/// <param name="Remaining">How many come after it, where that is known: not with selectors.</param>
internal sealed record ListPage(IReadOnlyList<StoredObject> Objects, long Revision, string Next, long? Remaining);

/// <summary>
/// Lists: consistent over all their pages, at the revision that was asked for (kubernetes.io "API concepts", resource versions).
/// </summary>
internal static class ObjectLists
{
    private const string Inconsistent =
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        + "without the continue parameter, or use the continue token in this response to retrieve the remainder of "
        + "the results. Continuing with the provided token results in an inconsistent list - objects that were "
        + "created, modified, or deleted between the time the first chunk was returned and now may show up in "
        + "the list.";

    public static ListPage List(ObjectStore store, ServedResource resource, IQueryCollection query, ObjectSelection selection)
    {
        var token = query["continue"].ToString() is { Length: > 0 } text ? ContinueToken.Decode(text) : null;
        var limit = query["limit"].ToString() is { Length: > 0 } number ? Number("limit", number) : 0;
        var snapshot = token is null ? Asked(store, resource, query) : Continued(store, resource, token);
        var page = new List<StoredObject>();
        var objects =
            selection.Name is { } name && !resource.Namespaced
                ? snapshot.Objects.GetValueOrDefault(StoredObject.KeyOf("", name)) is { } only
                    ? [only]
                    : []
                : snapshot.Objects.Values;
        var (last, more, remaining) = ("", false, 0L);
        foreach (var candidate in After(objects, token?.After).Where(selection.Matches))
        {
            if (limit > 0 && page.Count == limit)
            {
                more = true;
                remaining++;
                if (!selection.IsEverything)
                    break;
                continue;
            }

            page.Add(candidate);
            last = candidate.Key;
        }

        return new ListPage(
            page,
            snapshot.Revision,
            more ? new ContinueToken(snapshot.Revision, last).Encode() : "",
            more && selection.IsEverything ? remaining : null
        );
    }

    public static long Number(string parameter, string text) =>
        long.TryParse(text, out var value) && value >= 0
            ? value
            : throw new ApiStatusException(
                ApiStatus.BadRequest($"{parameter}: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax")
            );

    private static IEnumerable<StoredObject> After(IEnumerable<StoredObject> objects, string? key) =>
        key is null ? objects : objects.SkipWhile(o => string.CompareOrdinal(o.Key, key) <= 0);

    private static Snapshot Asked(ObjectStore store, ServedResource resource, IQueryCollection query)
    {
        var (version, match) = (query["resourceVersion"].ToString(), query["resourceVersionMatch"].ToString());
        if (match.Length > 0 && version.Length == 0)
            throw Invalid("resourceVersionMatch is forbidden unless resourceVersion is provided");
        var asked = version.Length == 0 ? 0 : Number("resourceVersion", version);
        var current = store.Current(resource.Storage);
        if (asked > current.Revision)
            throw new ApiStatusException(ApiStatus.TooLargeResourceVersion(asked, current.Revision));
        if (match is not ("" or "Exact" or "NotOlderThan"))
            throw Invalid($"resourceVersionMatch: Unsupported value: \"{match}\"");
        if (match == "Exact" && asked == 0)
            throw Invalid("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
        // With a limit, an unqualified version means that very one (the table in "API concepts").
        if (match != "Exact" && !(match.Length == 0 && asked > 0 && query["limit"].ToString() is { Length: > 0 } limit && limit != "0"))
            return current;
        return store.At(resource.Storage, asked)
            ?? throw new ApiStatusException(ApiStatus.Expired("The resourceVersion for the provided list is too old."));
    }

    private static Snapshot Continued(ObjectStore store, ServedResource resource, ContinueToken token)
    {
        if (token.Revision < 0)
            return store.Current(resource.Storage);
        return store.At(resource.Storage, token.Revision)
            ?? throw new ApiStatusException(ApiStatus.Expired(Inconsistent, new ContinueToken(-1, token.After).Encode()));
    }

    private static ApiStatusException Invalid(string why) =>
        new(
            new ApiStatus(422, "Invalid", $"ListOptions.meta.k8s.io \"\" is invalid: {why}") { Group = "meta.k8s.io", Kind = "ListOptions" }
        );
}
