using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>
/// Answers for tokens of companions, which have nothing on the machine to look at. What a token is worth says the answer for the unit that
/// the same container asks for; the kubelet asks for both in any order, and merges them.
/// </summary>
internal sealed class TokenAnswers(Holdings holdings, TimeProvider time)
{
    public static bool AreTokens(ResourceName resource, ImmutableArray<string> ids) =>
        !ids.IsEmpty && ids.All(id => TokenId.Is(id, resource));

    /// <summary>
    /// Gives them out, with nothing for the container. Healthy or not: which tokens are unhealthy is chosen among equals, and the unit
    /// alone is refused for a cause.
    /// </summary>
    public AllocateOutcome Give(Catalog catalog, ResourceName resource, ImmutableArray<string> ids, CancellationToken cancellationToken)
    {
        if (ids.Select(id => Refusal(catalog, resource, id)).FirstOrDefault(r => r is not null) is { } refusal)
            return new AllocateOutcome.Refused(refusal);
        cancellationToken.ThrowIfCancellationRequested();
        holdings.Record(ids.Select(id => Tokens.Given(resource, id, time.GetUtcNow())));
        return new AllocateOutcome.Granted(ImmutableSortedDictionary<string, string>.Empty, []);
    }

    /// <summary>Null when it could be given out.</summary>
    public static Refusal? Refusal(Catalog catalog, ResourceName resource, string id) =>
        catalog.Lists(resource, id)
            ? null
            : new Refusal(
                Reasons.NotOffered,
                $"{id}, a token of {resource}, is not offered on this node any more: there are fewer devices that {resource} is the "
                    + "companion of",
                [id]
            );
}
