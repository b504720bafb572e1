using Hostdev.Crds;
using Hostdev.Crds.Parsing;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>A node of an answer, as it was then: <c>path=major:minor</c> in files.</summary>
/// <param name="Number"><c>major:minor</c>; empty when the node had none.</param>
public sealed record AnsweredNode(string Path, string Number)
{
    public static AnsweredNode Parse(string text) => text.Split('=', 2) is [var path, var number] ? new(path, number) : new(text, "");

    public override string ToString() => $"{Path}={Number}";
}

/// <summary>A function that a VM was given, with its vfio driver then: <c>address=driver</c> in files.</summary>
public sealed record AnsweredDriver(PciAddress Address, string Driver)
{
    /// <exception cref="FormatException">It is none.</exception>
    public static AnsweredDriver Parse(string text) => text.Split('=', 2) is [var address, var driver]
        ? new(PciAddress.Parse(address), driver)
        : throw new FormatException($"\"{text}\" is not address=driver");

    public override string ToString() => $"{Address}={Driver}";
}

public sealed class AnsweredNodeConverter() : ParsedStringConverter<AnsweredNode>(AnsweredNode.Parse);

public sealed class AnsweredDriverConverter() : ParsedStringConverter<AnsweredDriver>(AnsweredDriver.Parse);
