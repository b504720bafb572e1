using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Patching;

/// <summary>RFC 7386.</summary>
internal static class MergePatch
{
    /// <summary>Changes <paramref name="target"/>; null values take fields away.</summary>
    public static JsonObject Apply(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null)
                target.Remove(name);
            else if (value is JsonObject nested)
                target[name] = Apply(target[name] is JsonObject there ? (JsonObject)there.DeepClone() : [], nested);
            else
                target[name] = value.DeepClone();
        }

        return target;
    }
}
