using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Patching;

/// <summary>RFC 6902.</summary>
internal static class JsonPatch
{
    /// <exception cref="ApiStatusException">An operation that is none, or does not fit (the real server's code is 422).</exception>
    public static JsonObject Apply(JsonObject target, JsonArray operations)
    {
        JsonNode? root = target;
        foreach (var operation in operations.OfType<JsonObject>())
        {
            var path = Steps(Storage.JsonReading.Text(operation, "path"));
            var from = Steps(Storage.JsonReading.Text(operation, "from"));
            switch (Storage.JsonReading.Text(operation, "op"))
            {
                case "add":
                    Add(ref root, path, operation["value"]?.DeepClone());
                    break;
                case "remove":
                    Remove(root, path);
                    break;
                case "replace":
                    Get(root, path);
                    Replace(ref root, path, operation["value"]?.DeepClone());
                    break;
                case "move":
                    var moved = Get(root, from)?.DeepClone();
                    Remove(root, from);
                    Add(ref root, path, moved);
                    break;
                case "copy":
                    Add(ref root, path, Get(root, from)?.DeepClone());
                    break;
                case "test" when JsonNode.DeepEquals(Find(root, path), operation["value"]):
                    break;
                case "test":
                    throw Refused();
                default:
                    throw Refused();
            }
        }

        return root as JsonObject ?? throw Refused();
    }

    private static string[] Steps(string pointer) => [.. pointer.Split('/').Skip(1).Select(s => s.Replace("~1", "/").Replace("~0", "~"))];

    private static JsonNode? Find(JsonNode? node, ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            node = node switch
            {
                JsonObject map => map[step],
                JsonArray list when int.TryParse(step, out var i) && i >= 0 && i < list.Count => list[i],
                _ => null,
            };
        }

        return node;
    }

    private static JsonNode? Get(JsonNode? root, string[] path) =>
        path.Length == 0 || Holds(Find(root, path.AsSpan(..^1)), path[^1]) ? Find(root, path) : throw Refused();

    private static bool Holds(JsonNode? parent, string step) =>
        parent switch
        {
            JsonObject map => map.ContainsKey(step),
            JsonArray list => int.TryParse(step, out var i) && i >= 0 && i < list.Count,
            _ => false,
        };

    private static void Add(ref JsonNode? root, string[] path, JsonNode? value)
    {
        if (path.Length == 0)
        {
            root = value;
            return;
        }

        switch (Find(root, path.AsSpan(..^1)))
        {
            case JsonObject map:
                map[path[^1]] = value;
                break;
            case JsonArray list when path[^1] == "-":
                list.Add(value);
                break;
            case JsonArray list when int.TryParse(path[^1], out var i) && i >= 0 && i <= list.Count:
                list.Insert(i, value);
                break;
            default:
                throw Refused();
        }
    }

    private static void Replace(ref JsonNode? root, string[] path, JsonNode? value)
    {
        if (path.Length > 0 && Find(root, path.AsSpan(..^1)) is JsonArray list)
            list[int.Parse(path[^1])] = value;
        else
            Add(ref root, path, value);
    }

    private static void Remove(JsonNode? root, string[] path)
    {
        Get(root, path);
        switch (path.Length == 0 ? null : Find(root, path.AsSpan(..^1)))
        {
            case JsonObject map:
                map.Remove(path[^1]);
                break;
            case JsonArray list:
                list.RemoveAt(int.Parse(path[^1]));
                break;
            default:
                throw Refused();
        }
    }

    /// <summary>
    /// The server knows why, and does not say it (apiserver <c>pkg/endpoints/handlers/patch.go: applyJSPatch</c>,
    /// <c>errors.NewGenericServerResponse</c>).
    /// </summary>
    private static ApiStatusException Refused() =>
        new(new ApiStatus(422, "Invalid", "the server rejected our request due to an error in our request"));
}
