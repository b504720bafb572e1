namespace Hostdev.Sandbox.ApiServer.Apply;

/// <summary>Collects members of a <see cref="FieldSet"/> while a tree is walked.</summary>
internal sealed class FieldSetBuilder
{
    private readonly HashSet<string> _members = [];
    private readonly Dictionary<string, FieldSetBuilder> _children = [];

    public void Add(string element) => _members.Add(element);

    public FieldSetBuilder Below(string element)
    {
        if (!_children.TryGetValue(element, out var child))
            _children[element] = child = new FieldSetBuilder();
        return child;
    }

    public FieldSet Build() => FieldSet.Of(_members, _children.Select(c => KeyValuePair.Create(c.Key, c.Value.Build())));
}
