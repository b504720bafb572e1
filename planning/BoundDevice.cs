using Hostdev.Crds;
using Hostdev.Crds.Parsing;

namespace Hostdev.Planning;

/// <summary>A device with its driver, in the text <c>device=driver</c>.</summary>
public sealed record BoundDevice(DeviceId Device, string Driver)
{
    /// <exception cref="FormatException">It is no such text.</exception>
    public static BoundDevice Parse(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0)
            throw new FormatException($"\"{text}\" is no device with its driver: device=driver is meant");
        return new BoundDevice(DeviceId.Parse(text[..equals]), text[(equals + 1)..]);
    }

    public override string ToString() => $"{Device}={Driver}";
}

public sealed class BoundDeviceConverter() : ParsedStringConverter<BoundDevice>(BoundDevice.Parse);
