using System.Text;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Access;

/// <summary>
/// Reads access reviews in the protobuf form, in which <c>kubectl auth</c> sends them and in no other: the envelope of runtime.Unknown, and the fields of <c>k8s.io/api</c>
/// authorization/v1/generated.proto. Answers are JSON, which every client takes.
/// </summary>
internal static class ReviewProtobuf
{
    public const string MediaType = "application/vnd.kubernetes.protobuf";

    private static readonly byte[] s_magic = "k8s\0"u8.ToArray();
    private static readonly Dictionary<int, string> s_resourceAttributes = new() { [1] = "namespace", [2] = "verb", [3] = "group", [4] = "version", [5] = "resource", [6] = "subresource", [7] = "name" };
    private static readonly Dictionary<int, string> s_pathAttributes = new() { [1] = "path", [2] = "verb" };

    /// <summary>The review's spec as JSON has it.</summary>
    /// <exception cref="ApiStatusException">It is no such message.</exception>
    public static JsonObject Read(ReadOnlySpan<byte> body, string kind)
    {
        if (!body.StartsWith(s_magic)) throw Broken();
        var spec = Field(Field(body[s_magic.Length..], 2), 2); // the envelope's raw bytes, then the review's spec
        var json = new JsonObject();
        switch (kind)
        {
            case "SelfSubjectRulesReview":
                json["namespace"] = Encoding.UTF8.GetString(Field(spec, 1));
                break;
            case "SelfSubjectAccessReview" or "SubjectAccessReview":
                if (Field(spec, 1) is { IsEmpty: false } resource) json["resourceAttributes"] = Texts(resource, s_resourceAttributes);
                if (Field(spec, 2) is { IsEmpty: false } path) json["nonResourceAttributes"] = Texts(path, s_pathAttributes);
                if (kind == "SubjectAccessReview") json["user"] = Encoding.UTF8.GetString(Field(spec, 3));
                break;
        }

        return new JsonObject { ["spec"] = json };
    }

    private static JsonObject Texts(ReadOnlySpan<byte> message, Dictionary<int, string> names)
    {
        var json = new JsonObject();
        foreach (var (number, name) in names) json[name] = Encoding.UTF8.GetString(Field(message, number));
        return json;
    }

    /// <summary>The bytes of a field that has a length; empty when it is not there.</summary>
    private static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> message, int wanted)
    {
        while (!message.IsEmpty)
        {
            var tag = Number(ref message);
            if ((tag & 7) == 0)
            {
                Number(ref message);
                continue;
            }

            var length = (tag & 7) == 2 ? (int)Number(ref message) : throw Broken();
            if (length < 0 || length > message.Length) throw Broken();
            if (tag >> 3 == (ulong)wanted) return message[..length];
            message = message[length..];
        }

        return [];
    }

    private static ulong Number(ref ReadOnlySpan<byte> message)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64 && !message.IsEmpty; shift += 7)
        {
            var next = message[0];
            message = message[1..];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80) return value;
        }

        throw Broken();
    }

    private static ApiStatusException Broken() => new(ApiStatus.BadRequest("the body is no review in the protobuf form"));
}
