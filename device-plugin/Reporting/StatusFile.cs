using System.Text.Json;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>
/// Writes the node's status to a file, whole and only when it changed: YAML for <c>.yaml</c> and <c>.yml</c>, JSON otherwise.
/// </summary>
/// <param name="path">Null writes nothing.</param>
public sealed class StatusFile(string? path) : IStatusSink
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true };

    private string? _last;

    public void Write(NodeDeviceStateStatus status)
    {
        if (path is null)
            return;
        var text = Text(status);
        if (text == _last)
            return;
        DurableFile.Replace(path, text, DurableFile.Readable);
        _last = text;
    }

    private string Text(NodeDeviceStateStatus status)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Indented))
            NodeDeviceStateWriter.ToJson(status).WriteTo(writer);
        var json = System.Text.Encoding.UTF8.GetString(buffer.ToArray());
        return path!.EndsWith(".yaml", StringComparison.Ordinal) || path.EndsWith(".yml", StringComparison.Ordinal)
            ? JsonToYaml.Convert(json)
            : json + "\n";
    }
}
