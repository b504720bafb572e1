using System.Collections.Immutable;
using System.Text.Json;
using Hostdev.Crds.Words;

namespace Hostdev.Crds.Rules;

/// <summary>What is written to files of devices, in the order of a list.</summary>
internal static class AttributeRules
{
    /// <summary>What every such list keeps.</summary>
    public static ImmutableArray<PolicyRule> Items(string at, WritableOf devices, string explain) =>
        [
            PolicyRule.Text(
                $"{at}[*].file",
                "write a path below the device's own directory, for example power/control: not beginning with a slash, and without empty "
                    + "parts, \".\" and \"..\"",
                text => text.Split('/').All(p => p is not ("" or "." or ".."))
            ),
            PolicyRule.Text(
                $"{at}[*].file",
                $"only files that are known to be settings are written: use one that kubectl explain {explain} lists",
                text => WritableFiles.For(devices).Any(f => f.Path == text)
            ),
            PolicyRule.Text(
                $"{at}[*].value",
                "a value is one line of ASCII that is not empty, as you would echo it into the file",
                text => text.Length > 0 && text.All(c => c is >= ' ' and <= '~')
            ),
        ];

    public static ImmutableArray<PolicyRule> OfFunctions(string at) =>
        [
            .. Items(at, WritableOf.PhysicalFunction | WritableOf.VirtualFunction, "sriovpolicy.spec.attributes.file"),
            PolicyRule.Object(
                $"{at}[*]",
                "virtual functions alone have this file: say of which, for example vfs: [{first: 0, last: 3}]",
                a => a.Has("vfs") || Of(a) != WritableOf.VirtualFunction
            ) with
            {
                Field = "vfs",
                Reason = RuleReasons.Required,
            },
            PolicyRule.Object(
                $"{at}[*]",
                "the physical function alone has this file: remove vfs",
                a => !a.Has("vfs") || Of(a) != WritableOf.PhysicalFunction
            ) with
            {
                Field = "vfs",
            },
            PolicyRule.Object(
                $"{at}[*]",
                "the directory of a virtual function is not there before it is made: remove when, or write AfterVfs",
                a => a.Text("when") != "BeforeVfs" || !a.Has("vfs") || a.Text("file") is not { } file || IsNumbered(file)
            ) with
            {
                Field = "when",
            },
            PolicyRule.List($"{at}[*].vfs", "an empty list means no function: list ranges, or remove vfs", l => l.Items().Any()),
            PolicyRule.Object($"{at}[*].vfs[*]", SriovPolicyRules.RangeForm, SriovPolicyRules.IsRange),
            PolicyRule.List(
                at,
                "two entries write one file of one function: write it once, and let ranges of vfs not overlap",
                l => !AnyTwice([.. l.Items()])
            ),
        ];

    private static WritableOf Of(JsonElement attribute) =>
        attribute.Text("file") is { } file ? WritableFiles.Find(file)?.Of ?? WritableOf.None : WritableOf.None;

    private static bool IsNumbered(string file) => WritableFiles.Find(file)?.IsNumbered ?? file.Contains("/vfN/", StringComparison.Ordinal);

    private static bool AnyTwice(List<JsonElement> attributes) =>
        attributes
            .GroupBy(a => (a.Text("file"), a.Has("vfs")))
            .Any(g => g.Key.Item2 ? SriovPolicyRules.Overlap([.. SriovPolicyRules.Ranges(g)]) : g.Count() > 1);
}
