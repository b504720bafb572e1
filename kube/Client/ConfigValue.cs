using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Hostdev.Kube.Client;

/// <summary>
/// A mapping in a kubeconfig file, which knows where it stands: what it says of a wrong value names file and field, and never the value.
/// </summary>
internal sealed class ConfigValue(string file, string path, YamlMappingNode node)
{
    /// <summary>The mapping that a file holds, in YAML or JSON.</summary>
    public static ConfigValue Load(string file)
    {
        try
        {
            var stream = new YamlStream();
            using var reader = new StringReader(File.ReadAllText(file));
            stream.Load(reader);
            return stream.Documents is [{ RootNode: YamlMappingNode root }, ..]
                ? new ConfigValue(file, "", root)
                : throw new KubeConfigurationException(
                    $"kubeconfig {file}: is empty or no mapping: it must begin with apiVersion: v1 and kind: Config"
                );
        }
        catch (YamlException e)
        {
            // YamlDotNet's own words may quote the text, which may be a secret.
            throw new KubeConfigurationException(
                $"kubeconfig {file}: line {e.Start.Line}, column {e.Start.Column}: this is no YAML. Compare with what "
                    + "kubectl config view prints"
            );
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException) // YamlDotNet's other answers to broken text
        {
            throw new KubeConfigurationException(
                $"kubeconfig {file}: a list or mapping is not closed. Compare with what kubectl config view prints"
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KubeConfigurationException(
                $"kubeconfig {file}: cannot be read: {e.Message}. Correct KUBECONFIG or --kubeconfig, or the file's permissions",
                e
            );
        }
    }

    public string Where(string field) => $"kubeconfig {file}: {(path.Length == 0 ? field : $"{path}.{field}")}";

    public KubeConfigurationException Wrong(string field, string why) => new($"{Where(field)} {why}");

    /// <summary>Null when absent, empty or null.</summary>
    public string? Text(string field) =>
        Find(field) switch
        {
            null => null,
            YamlScalarNode { Value: null or "" } => null,
            YamlScalarNode { Style: ScalarStyle.Plain, Value: "~" or "null" } => null,
            YamlScalarNode scalar => scalar.Value,
            _ => throw Wrong(field, "must be a plain value"),
        };

    public string Required(string field) => Text(field) ?? throw Wrong(field, "is missing");

    public bool Flag(string field) =>
        Text(field) switch
        {
            null or "false" => false,
            "true" => true,
            _ => throw Wrong(field, "must be true or false"),
        };

    public byte[]? Bytes(string field)
    {
        try
        {
            return Text(field) is { } text ? Convert.FromBase64String(text) : null;
        }
        catch (FormatException)
        {
            throw Wrong(field, "is not base64");
        }
    }

    /// <summary>A file, named from the kubeconfig's own folder.</summary>
    public string? FilePath(string field) => Text(field) is { } text ? Path.Combine(Folder, text) : null;

    public string Folder => Path.GetDirectoryName(Path.GetFullPath(file))!;

    public ConfigValue? Map(string field) =>
        Find(field) switch
        {
            null => null,
            YamlMappingNode map => new ConfigValue(file, path.Length == 0 ? field : $"{path}.{field}", map),
            YamlScalarNode { Value: null or "" or "~" or "null" } => null,
            _ => throw Wrong(field, "must be a mapping"),
        };

    /// <summary>A list of mappings; each is named by its <c>name</c> in messages.</summary>
    public IEnumerable<ConfigValue> Items(string field) =>
        Sequence(field)
            .Select(
                (item, i) =>
                    item is YamlMappingNode map
                        ? new ConfigValue(file, $"{(path.Length == 0 ? field : $"{path}.{field}")}[{NameOf(map) ?? $"{i}"}]", map)
                        : throw Wrong($"{field}[{i}]", "must be a mapping")
            );

    public IEnumerable<string> Texts(string field) =>
        Sequence(field)
            .Select((item, i) => item is YamlScalarNode { Value: { } text } ? text : throw Wrong($"{field}[{i}]", "must be a plain value"));

    private static string? NameOf(YamlMappingNode map) =>
        map.Children.TryGetValue("name", out var name) ? (name as YamlScalarNode)?.Value : null;

    private YamlNode? Find(string field) => node.Children.TryGetValue(field, out var value) ? value : null;

    private IEnumerable<YamlNode> Sequence(string field) =>
        Find(field) switch
        {
            null or YamlScalarNode { Value: null or "" or "~" or "null" } => [],
            YamlSequenceNode list => list,
            _ => throw Wrong(field, "must be a list"),
        };
}
