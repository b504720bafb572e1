using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>Where a list goes on (apiserver <c>pkg/storage/continue.go</c>).</summary>
/// <param name="Revision">Of the whole list; -1 for a token that goes on with whatever is there by now.</param>
/// <param name="After">The key of the last object that was told.</param>
internal sealed record ContinueToken(long Revision, string After)
{
    public string Encode() =>
        Convert
            .ToBase64String(
                Encoding.UTF8.GetBytes(
                    new JsonObject
                    {
                        ["v"] = "meta.k8s.io/v1",
                        ["rv"] = Revision,
                        ["start"] = After + "\0",
                    }.ToJsonString()
                )
            )
            .TrimEnd('=')
            .Replace('+', '-')
            .Replace('/', '_');

    public static ContinueToken Decode(string text)
    {
        try
        {
            var base64 = text.Replace('-', '+').Replace('_', '/');
            var json = JsonNode.Parse(Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '=')));
            return new ContinueToken(json!["rv"]!.GetValue<long>(), json.Text("start").TrimEnd('\0'));
        }
        catch (Exception e)
            when (e is FormatException or System.Text.Json.JsonException or NullReferenceException or InvalidOperationException)
        {
            throw new ApiStatusException(ApiStatus.BadRequest("continue key is not valid: encoding is not valid"));
        }
    }
}
