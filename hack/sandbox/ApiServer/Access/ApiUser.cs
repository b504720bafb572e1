using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Access;

/// <summary>Who asks: as authentication found out, and as admission policies see it in <c>request.userInfo</c>.</summary>
/// <param name="Groups">Without <c>system:authenticated</c>, which every user has.</param>
public sealed record ApiUser(string Name, ImmutableArray<string> Groups)
{
    /// <summary>In which claims of a service account's bound token stand: <see cref="NodeNameKey"/>.</summary>
    public ImmutableSortedDictionary<string, ImmutableArray<string>> Extra
    {
        get => field ?? ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty;
        init;
    }

    /// <summary>
    /// The key under which a token that is bound to a pod names the pod's node (Kubernetes 1.30, ServiceAccountTokenPodNodeInfo).
    /// </summary>
    public const string NodeNameKey = "authentication.kubernetes.io/node-name";

    /// <summary>The key under which such a token names the pod itself.</summary>
    public const string PodNameKey = "authentication.kubernetes.io/pod-name";

    /// <summary>May do everything, whatever the roles say.</summary>
    public const string Masters = "system:masters";

    public string Uid { get; init; } = "";

    public IEnumerable<string> AllGroups => Groups.Append("system:authenticated").Distinct();

    /// <summary>A service account as its token shows it.</summary>
    /// <param name="nodeName">Of the pod that the token is bound to; null for a token that is bound to none.</param>
    /// <param name="podName">That pod; null where it is on no node.</param>
    public static ApiUser ServiceAccount(string ns, string name, string? nodeName = null, string? podName = null)
    {
        var extra = ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty;
        if (nodeName is not null)
            extra = extra.Add(NodeNameKey, [nodeName]);
        if (podName is not null)
            extra = extra.Add(PodNameKey, [podName]);
        string[] groups = ["system:serviceaccounts", $"system:serviceaccounts:{ns}"];
        return new ApiUser($"system:serviceaccount:{ns}:{name}", [.. groups]) { Extra = extra };
    }

    /// <summary>A <c>UserInfo</c> of <c>authentication.k8s.io/v1</c>.</summary>
    public JsonObject ToUserInfo()
    {
        var info = new JsonObject { ["username"] = Name, ["groups"] = Texts(AllGroups) };
        if (Uid.Length > 0)
            info["uid"] = Uid;
        if (!Extra.IsEmpty)
            info["extra"] = new JsonObject(Extra.Select(e => KeyValuePair.Create(e.Key, (JsonNode?)Texts(e.Value))));
        return info;
    }

    internal static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);
}
