using System.Security.Cryptography;
using System.Text;
using Hostdev.Kube.Client;
using k8s;
using k8s.Models;

namespace Hostdev.Kube.Control;

/// <summary>
/// Whether the owner of a token may GET a path that is no resource, as the API server says: TokenReview for who it is, SubjectAccessReview
/// for whether he may. Answers are kept for a minute, so that a right which is taken away lasts no longer. Thread-safe.
/// </summary>
/// <param name="path">For example <c>/metrics</c>.</param>
public sealed class PathAccess(KubeClient client, string path, TimeProvider time)
{
    /// <summary>Of those who may, and of those who may not.</summary>
    internal const int MostKept = 64;

    /// <summary>Tokens in a second that nothing is known of: whoever makes them up asks the API server no faster.</summary>
    internal const int MostUnknown = 10;

    private static readonly TimeSpan Lasts = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Answer> _allowed = [];
    private readonly Dictionary<string, Answer> _refused = [];
    private double _unknownLeft = MostUnknown;
    private long _unknownAt = time.GetTimestamp();

    /// <summary>How many answers there are.</summary>
    internal int Kept
    {
        get
        {
            lock (_gate)
                return _allowed.Count + _refused.Count;
        }
    }

    /// <summary>An HTTP status, 200 for yes, and for any other a sentence that names what is missing.</summary>
    public async Task<(int Status, string Words)> AskAsync(string token, CancellationToken cancellationToken)
    {
        var key = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        lock (_gate)
        {
            if (Known(_allowed, key) is { } yes)
                return (yes.Status, yes.Words);
            if (Known(_refused, key) is { } no)
                return (no.Status, no.Words);
            // Who might read before is asked about again, however many others come.
            if (!_allowed.ContainsKey(key) && !TakeUnknown())
                return (429, "too many tokens are asked about: try again in a second");
        }

        try
        {
            var (status, words) = await ReviewAsync(token, cancellationToken).ConfigureAwait(false);
            Keep(key, status, words);
            return (status, words);
        }
        catch (Exception e) when (DistinctFailure.IsExpected(e))
        {
            return (503, $"whether this token may read {path} cannot be asked: {e.Message}");
        }
    }

    private async Task<(int Status, string Words)> ReviewAsync(string token, CancellationToken cancellationToken)
    {
        var review = new V1TokenReview
        {
            ApiVersion = $"{V1TokenReview.KubeGroup}/{V1TokenReview.KubeApiVersion}",
            Kind = V1TokenReview.KubeKind,
            Spec = new V1TokenReviewSpec { Token = token },
        };
        var said = await client
            .Calls.AuthenticationV1.CreateTokenReviewAsync(review, cancellationToken: cancellationToken)
            .ConfigureAwait(false);
        if (said.Status is not { Authenticated: true, User: { } user })
            return (401, "the API server does not know this token: it is of another cluster, or has expired");
        var question = new V1SubjectAccessReview
        {
            ApiVersion = $"{V1SubjectAccessReview.KubeGroup}/{V1SubjectAccessReview.KubeApiVersion}",
            Kind = V1SubjectAccessReview.KubeKind,
            Spec = new V1SubjectAccessReviewSpec
            {
                User = user.Username,
                Uid = user.Uid,
                Groups = user.Groups,
                Extra = user.Extra,
                NonResourceAttributes = new V1NonResourceAttributes { Path = path, Verb = "get" },
            },
        };
        var answer = await client
            .Calls.AuthorizationV1.CreateSubjectAccessReviewAsync(question, cancellationToken: cancellationToken)
            .ConfigureAwait(false);
        return answer.Status is { Allowed: true }
            ? (200, "")
            : (403, $"{user.Username} may not get {path}: bind it to a ClusterRole with nonResourceURLs [{path}] and the verb get");
    }

    private Answer? Known(Dictionary<string, Answer> answers, string key) =>
        answers.TryGetValue(key, out var answer) && time.GetElapsedTime(answer.At) < Lasts ? answer : null;

    private void Keep(string key, int status, string words)
    {
        lock (_gate)
        {
            var (mine, other) = status == 200 ? (_allowed, _refused) : (_refused, _allowed);
            other.Remove(key);
            if (mine.Count >= MostKept && !mine.ContainsKey(key))
                mine.Clear();
            mine[key] = new Answer(status, words, time.GetTimestamp());
        }
    }

    private bool TakeUnknown()
    {
        var now = time.GetTimestamp();
        _unknownLeft = Math.Min(MostUnknown, _unknownLeft + (time.GetElapsedTime(_unknownAt, now).TotalSeconds * MostUnknown));
        _unknownAt = now;
        if (_unknownLeft < 1)
            return false;
        _unknownLeft--;
        return true;
    }

    private sealed record Answer(int Status, string Words, long At);
}
