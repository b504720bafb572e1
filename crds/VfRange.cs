using System.Text.Json.Serialization;

namespace Hostdev.Crds;

/// <summary>
/// Virtual functions by index on their physical function, both ends included, counted from 0 as <c>virtfnN</c> counts them.
/// </summary>
[method: JsonConstructor]
public readonly record struct VfRange(int First, int Last)
{
    public bool Contains(int index) => index >= First && index <= Last;

    public bool Overlaps(VfRange other) => First <= other.Last && other.First <= Last;

    public override string ToString() => First == Last ? $"{First}" : $"{First}-{Last}";
}
