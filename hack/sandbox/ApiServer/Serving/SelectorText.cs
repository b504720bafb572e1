using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>Which objects a list or a watch is about.</summary>
/// <param name="Name">The one object that the field selector names; null for any number.</param>
internal sealed record ObjectSelection(LabelSelector Labels, ImmutableArray<(string Field, bool Equal, string Value)> Fields, string? Name)
{
    public bool IsEverything => Labels.MatchExpressions.IsEmpty && Fields.IsEmpty;

    public bool Matches(StoredObject candidate) =>
        Labels.Matches(candidate.Labels) && Fields.All(f => candidate.Fields.GetValueOrDefault(f.Field, "") == f.Value == f.Equal);
}

/// <summary>Reads selectors as they stand in URLs (apimachinery <c>pkg/labels/selector.go</c>, <c>pkg/fields/selector.go</c>).</summary>
internal static partial class SelectorText
{
    public static ObjectSelection Parse(ServedResource resource, string? labels, string? fields, string? ns)
    {
        var wanted = ParseFields(resource, fields ?? "");
        if (!string.IsNullOrEmpty(ns))
            wanted = wanted.Add(("metadata.namespace", true, ns));
        var name = wanted.FirstOrDefault(f => f is { Field: "metadata.name", Equal: true }).Value;
        return new ObjectSelection(new LabelSelector { MatchExpressions = ParseLabels(labels ?? "") }, wanted, name);
    }

    private static ImmutableArray<(string Field, bool Equal, string Value)> ParseFields(ServedResource resource, string text)
    {
        var result = ImmutableArray.CreateBuilder<(string, bool, string)>();
        foreach (var term in FieldComma().Split(text).Where(t => t.Length > 0))
        {
            var match = FieldTerm().Match(term);
            if (!match.Success)
                throw new ApiStatusException(ApiStatus.BadRequest($"invalid selector: '{text}'; can't understand '{term}'"));
            var field =
                SelectableFields.Canonical(resource, match.Groups["field"].Value)
                ?? throw new ApiStatusException(ApiStatus.BadRequest($"field label not supported: {match.Groups["field"].Value}"));
            result.Add((field, match.Groups["op"].Value != "!=", Escaped().Replace(match.Groups["value"].Value, "$1")));
        }

        return result.ToImmutable();
    }

    private static ImmutableArray<LabelRequirement> ParseLabels(string text)
    {
        var result = ImmutableArray.CreateBuilder<LabelRequirement>();
        var rest = text.Trim();
        while (rest.Length > 0)
        {
            var match = LabelTerm().Match(rest);
            if (!match.Success)
                throw new ApiStatusException(
                    ApiStatus.BadRequest($"unable to parse requirement: found '{rest}', expected: a key, or an operator with its values")
                );
            result.Add(Requirement(match));
            rest = rest[match.Length..];
        }

        return result.ToImmutable();
    }

    private static LabelRequirement Requirement(Match match)
    {
        var key = match.Groups["key"].Value;
        if (match.Groups["set"].Success)
        {
            var op = match.Groups["set"].Value == "in" ? LabelOperator.In : LabelOperator.NotIn;
            return new LabelRequirement
            {
                Key = key,
                Operator = op,
                Values = [.. match.Groups["values"].Value.Split(',').Select(v => v.Trim())],
            };
        }

        if (match.Groups["op"].Success)
        {
            var op = match.Groups["op"].Value == "!=" ? LabelOperator.NotIn : LabelOperator.In;
            return new LabelRequirement
            {
                Key = key,
                Operator = op,
                Values = [match.Groups["value"].Value],
            };
        }

        return new LabelRequirement
        {
            Key = key,
            Operator = match.Groups["not"].Success ? LabelOperator.DoesNotExist : LabelOperator.Exists,
        };
    }

    [GeneratedRegex(
        @"^\s*(?<not>!)?\s*(?<key>[A-Za-z0-9._/-]+)\s*"
            + @"(?:(?<set>in|notin)\s*\((?<values>[^)]*)\)|(?<op>==|=|!=)\s*(?<value>[A-Za-z0-9._-]*))?\s*(?:,|$)"
    )]
    private static partial Regex LabelTerm();

    [GeneratedRegex(@"^\s*(?<field>[^=!]+?)\s*(?<op>==|!=|=)(?<value>.*)$", RegexOptions.Singleline)]
    private static partial Regex FieldTerm();

    [GeneratedRegex(@"(?<!\\),")]
    private static partial Regex FieldComma();

    [GeneratedRegex(@"\\(.)")]
    private static partial Regex Escaped();
}
