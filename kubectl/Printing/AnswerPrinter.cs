using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Meta;

namespace Hostdev.Kubectl.Printing;

/// <summary>Prints one answer that is no list: as lines, which a table and a wide one are alike, or as an object.</summary>
public static class AnswerPrinter
{
    /// <param name="lines">Each becomes one line, whatever stands in it.</param>
    public static void Write<T>(TextWriter to, OutputForm form, T answer, IEnumerable<string> lines, JsonTypeInfo<T> json)
    {
        to.Write(
            form switch
            {
                OutputForm.Json => JsonSerializer.Serialize(answer, json) + "\n",
                OutputForm.Yaml => JsonToYaml.Convert(JsonSerializer.Serialize(answer, json)),
                _ => string.Concat(lines.Select(l => PrintableText.Of(l) + "\n")),
            }
        );
        to.Flush();
    }
}
