using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Following;

/// <summary>
/// The cordons that are in force (<c>cordons.json</c> in the state directory; no file while there are none). It stands beside
/// <c>desired.json</c> and not in it: a version before refuses a field beside the policies there, and would know nothing of what is in
/// force until it reached the API server. That version leaves this file alone, and what it says is read again, and replaced by what the
/// source says, when a later one runs.
/// </summary>
internal sealed class CordonFile(string directory)
{
    public const string FileName = "cordons.json";

    private readonly StateFile<JsonObject> _file = new(
        Path.Combine(directory, FileName),
        DesiredJsonContext.Default.JsonObject,
        "It says what admins keep from being given out: until the desired state is read from its source, those devices are offered"
    );

    /// <summary>What it says; empty where it is not there, and where it is damaged.</summary>
    /// <param name="damage">Why it cannot be read, with the remedy; null when it can.</param>
    public ImmutableArray<DesiredCordon> Read(out string? damage) =>
        [.. _file.Read(content => CordonReader.Read(content[CordonReader.Field], []).ToList(), out damage) ?? []];

    /// <summary>On disk when it returns; the same cordons again write nothing.</summary>
    public void Keep(ImmutableArray<DesiredCordon> cordons, ImmutableArray<DesiredCordon> before)
    {
        var (now, was) = (cordons.OfType<DesiredCordon.OfDevice>(), before.OfType<DesiredCordon.OfDevice>());
        if (!now.Any())
        {
            if (File.Exists(_file.Path))
                _file.Delete();
        }
        else if (!now.SequenceEqual(was) || !File.Exists(_file.Path))
        {
            _file.Write(new JsonObject { [CordonReader.Field] = CordonReader.ToJson(now) });
        }
    }
}
