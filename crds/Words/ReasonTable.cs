using System.Collections;

namespace Hostdev.Crds.Words;

/// <summary>Reasons that the guide explains in one table, in its order.</summary>
public sealed class ReasonTable : IEnumerable<Reason>
{
    private readonly List<Reason> _rows = [];

    public IEnumerator<Reason> GetEnumerator() => _rows.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal Reason Add(Reason reason)
    {
        _rows.Add(reason);
        return reason;
    }
}
