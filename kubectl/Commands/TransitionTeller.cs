using System.Collections.Immutable;
using Hostdev.Kube.Meta;
using Hostdev.Kubectl.Answers;

namespace Hostdev.Kubectl.Commands;

/// <summary>Keeps of each object of one kind its <see cref="Sights"/> alone, and tells what of them is not as it was.</summary>
/// <param name="prefix">What the objects are called before their name.</param>
/// <param name="sightsOf">What of an object somebody watches.</param>
/// <param name="tell">Takes transitions.</param>
internal sealed class TransitionTeller<T>(
    string prefix,
    Func<T, ImmutableSortedDictionary<string, string>> sightsOf,
    Action<ImmutableArray<Transition>> tell,
    TimeProvider time
)
    where T : class, IKubeObject
{
    private readonly Dictionary<string, ImmutableSortedDictionary<string, string>> _seen = new(StringComparer.Ordinal);

    /// <summary>What is seen before is the beginning, of which nothing is told.</summary>
    public bool IsTelling { get; set; }

    public void See(T it)
    {
        var (name, now) = (it.Metadata.Name, sightsOf(it));
        if (IsTelling)
            Tell(name, _seen.GetValueOrDefault(name), now);
        _seen[name] = now;
    }

    public void Lose(ObjectKey key)
    {
        if (_seen.Remove(key.Name, out var before))
            Tell(key.Name, before, null);
    }

    private void Tell(string name, ImmutableSortedDictionary<string, string>? before, ImmutableSortedDictionary<string, string>? after)
    {
        var transitions = Transition.Between($"{prefix}/{name}", before, after, time.GetUtcNow());
        if (!transitions.IsEmpty)
            tell(transitions);
    }
}
