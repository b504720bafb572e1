using Hostdev.Crds.Parsing;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>A node of an answer, as it was then: <c>path=major:minor</c> in files, and <c>path=b major:minor</c> of a block device.</summary>
/// <param name="Number">With its kind (<see cref="Host.DeviceNumber.WithKind"/>); empty when the node had none.</param>
public sealed record AnsweredNode(string Path, string Number)
{
    public static AnsweredNode Parse(string text) => text.Split('=', 2) is [var path, var number] ? new(path, number) : new(text, "");

    public override string ToString() => $"{Path}={Number}";
}

public sealed class AnsweredNodeConverter() : ParsedStringConverter<AnsweredNode>(AnsweredNode.Parse);
