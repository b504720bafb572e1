using System.Collections.Concurrent;
using System.Collections.Immutable;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>
/// Answers of an earlier boot. A pod that the kubelet kept over it is started on the answer that it got then, with no new Allocate
/// (contracts/kubelet.md, "What breaks a kubelet, or a pod"): what it was given is made ready again, and compared with that answer.
/// </summary>
/// <param name="bringAbout">Makes a unit that is there only for an answer; null when it is there.</param>
internal sealed class EarlierAnswers(
    UnitStateReader reader,
    AnsweredNodes answers,
    NodeOwners owners,
    Holdings holdings,
    TimeProvider time,
    Func<Unit, CancellationToken, OfferProblem?> bringAbout
)
{
    /// <summary>The kubelet tries a start again, and waits for it meanwhile.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, OfferProblem> _problems = new(StringComparer.Ordinal);

    /// <summary>
    /// Takes up what the kubelet's checkpoint still names, as far as it is ready by now; the rest is for the next time. What it names no
    /// more is forgotten.
    /// </summary>
    /// <param name="within">No other is begun when this is over.</param>
    public void TakeUp(CheckpointReading checkpoint, Catalog catalog, TimeSpan within, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        // The kernel gives the lowest free number: in the order of then the same ones come out, where nothing else has changed.
        var inOrder = holdings
            .Ledger.Earlier.Values.OrderBy(a => FirstNode(a).Length)
            .ThenBy(FirstNode, StringComparer.Ordinal)
            .ThenBy(a => a.Id, StringComparer.Ordinal)
            .ToList();
        foreach (var earlier in inOrder)
        {
            if (checkpoint is not CheckpointReading.Read read || time.GetElapsedTime(begun) > within)
                return;
            if (!read.Devices.ContainsKey((earlier.Resource, earlier.Id)))
                holdings.Forget(earlier.Id);
            else if (TakeUp(earlier, catalog, cancellationToken) is { } problem)
                _problems[earlier.Id] = problem;
        }

        static string FirstNode(Allocation answer) => answer.Nodes.IsEmpty ? "" : answer.Nodes[0].Path;
    }

    /// <summary>Waits until none of these is to be taken up; null then, or which one still is, and why.</summary>
    public async Task<Refusal?> WaitAsync(ImmutableArray<string> ids, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        while (ids.FirstOrDefault(holdings.Ledger.Earlier.ContainsKey) is { } id)
        {
            if (time.GetElapsedTime(begun) > Patience)
            {
                var why = _problems.GetValueOrDefault(id);
                return new Refusal(
                    why?.Reason ?? Reasons.NotReady,
                    $"{id} was given to this container before the host booted, and is not ready again: "
                        + (why?.Message ?? "the first look at this host has not ended"),
                    [id]
                );
            }

            await Task.Delay(Pause, time, cancellationToken).ConfigureAwait(false);
        }

        return null;
    }

    private OfferProblem? TakeUp(Allocation earlier, Catalog catalog, CancellationToken cancellationToken)
    {
        if (earlier.IsToken)
        {
            holdings.Record([earlier with { AnsweredAt = time.GetUtcNow(), AbsentSince = null }]);
            return null;
        }

        if (catalog.Units.GetValueOrDefault(earlier.Id)?.Unit is not { } unit || unit.Resource.Value != earlier.Resource)
            return new OfferProblem(Reasons.NotOffered, $"{earlier.Id} of {earlier.Resource} is not offered on this node now");
        using var answer = holdings.TryBeginAnswer(unit.Resource, [unit], out var refusal);
        if (answer is null)
            return new OfferProblem(refusal!.Reason!, refusal.Message);
        if (bringAbout(unit, cancellationToken) is { } late)
            return late;
        var state = reader.Read(unit.Handout);
        var problem = OfferProblem.Of(Reasons.NotReady, state.Problem) ?? OfferProblem.Of(Reasons.NodeOwner, owners.Set(unit, state));
        if (problem is not null)
            return problem;
        var now = answers.Record(unit, state) with { Pod = earlier.Pod };
        // A container is made anew after a boot, with the device numbers of now: what its answer says are paths, and an address.
        var isSame =
            now.Address == earlier.Address
            && now.Nodes.Select(n => n.Path).SequenceEqual(earlier.Nodes.Select(n => n.Path), StringComparer.Ordinal);
        holdings.Record([isSame ? now : now with { Nodes = earlier.Nodes, Address = earlier.Address }]);
        _problems.TryRemove(earlier.Id, out _);
        return null;
    }
}
