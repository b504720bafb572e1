namespace Hostdev.Sandbox.ApiServer.Faults;

/// <summary>The faults of a server. The same seed and the same order of requests give the same faults.</summary>
public sealed class FaultScript
{
    private readonly Lock _gate = new();
    private readonly List<State> _rules = [];
    private Random _random = new(0);

    /// <summary>How many requests met a fault.</summary>
    public int Met { get; private set; }

    public void Seed(int seed)
    {
        lock (_gate)
            _random = new Random(seed);
    }

    public void Add(FaultRule rule)
    {
        lock (_gate)
            _rules.Add(new State(rule));
    }

    /// <summary>From now on all goes well.</summary>
    public void Clear()
    {
        lock (_gate)
            _rules.Clear();
    }

    /// <summary>The fault for a request: that of the first rule that meets it.</summary>
    internal ApiFault? Next(string user, string verb, string resource, string subresource)
    {
        lock (_gate)
        {
            foreach (var state in _rules)
            {
                var rule = state.Rule;
                if (!rule.Matches(user, verb, resource, subresource) || state.Seen++ < rule.Skip || state.Met >= rule.Times)
                    continue;
                if (rule.Probability < 1 && _random.NextDouble() >= rule.Probability)
                    continue;
                state.Met++;
                Met++;
                return rule.Fault;
            }

            return null;
        }
    }

    private sealed class State(FaultRule rule)
    {
        public FaultRule Rule { get; } = rule;

        public int Seen { get; set; }

        public int Met { get; set; }
    }
}
