using System.Collections;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// The names that an expression may use, and their values: each is made when an expression asks for it, and then once. It is a dictionary
/// because the package reads its names from one; whatever it does not ask of it is not there.
/// </summary>
internal sealed class CelScope : IDictionary<string, object?>
{
    private readonly ImmutableDictionary<string, Lazy<object?>> _values;

    private CelScope(ImmutableDictionary<string, Lazy<object?>> values) => _values = values;

    public static CelScope Empty { get; } = new(ImmutableDictionary.Create<string, Lazy<object?>>(StringComparer.Ordinal));

    public ICollection<string> Keys => throw new NotSupportedException();

    public ICollection<object?> Values => throw new NotSupportedException();

    public int Count => _values.Count;

    public bool IsReadOnly => true;

    public object? this[string key]
    {
        get => _values[key].Value;
        set => throw new NotSupportedException();
    }

    /// <summary>With one name more.</summary>
    /// <param name="name">May have dots: <c>variables.node</c>.</param>
    /// <param name="value">What it throws is why an expression that needs the value has none.</param>
    public CelScope With(string name, Func<object?> value) => new(_values.SetItem(name, new Lazy<object?>(value)));

    public bool ContainsKey(string key) => _values.ContainsKey(key);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out object? value)
    {
        var found = _values.TryGetValue(key, out var made);
        value = made?.Value;
        return found;
    }

    public void Add(string key, object? value) => throw new NotSupportedException();

    public void Add(KeyValuePair<string, object?> item) => throw new NotSupportedException();

    public bool Remove(string key) => throw new NotSupportedException();

    public bool Remove(KeyValuePair<string, object?> item) => throw new NotSupportedException();

    public void Clear() => throw new NotSupportedException();

    public bool Contains(KeyValuePair<string, object?> item) => throw new NotSupportedException();

    public void CopyTo(KeyValuePair<string, object?>[] array, int arrayIndex) => throw new NotSupportedException();

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => throw new NotSupportedException();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
