using System.Text.Json;
using Hostdev.Crds.Kinds;

namespace Hostdev.Crds.Parsing;

/// <summary>Reads one entry of a node's spec back as it was written, whatever is in its own spec.</summary>
public static class ProjectedPolicyReader
{
    /// <summary>Null for what is no entry.</summary>
    public static ProjectedPolicy? Read(JsonElement entry)
    {
        try
        {
            return entry.Deserialize(CrdsJsonContext.Default.ProjectedPolicy);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
