using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hostdev.Crds.Rules;
using Hostdev.Crds.Words;
using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;

namespace Hostdev.Tests.Crds;

/// <summary>What the CRDs refuse in CEL and <c>crds/Rules</c> in C#: the same places, the same words, the same verdicts.</summary>
public sealed partial class CrdRuleTests
{
    public static TheoryData<string> Kinds => [.. CrdFiles.PolicyKinds];

    public static TheoryData<string> Fixtures => [.. CrdFixture.Files];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Schema_and_code_have_the_same_rules_at_the_same_places_in_the_same_words(string kind)
    {
        var schema = RulesOf(CrdFiles.Schema(kind, "spec"), "spec")
            .Select(r => $"{r.At} {r.Rule.FieldPath} {Reason(r.Rule.Reason)} {r.Rule.Message}")
            .Order(StringComparer.Ordinal);
        var code = PolicyRules
            .Of(kind)
            .Select(r => $"{r.Location} {(r.Field is null ? "" : "." + r.Field)} {r.Reason} {r.Message}")
            .Order(StringComparer.Ordinal);

        Assert.Equal(schema, code);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_rule_compares_with_what_was_there_before_in_both_or_in_none(string kind)
    {
        var schema = RulesOf(CrdFiles.Schema(kind, "spec"), "spec")
            .Where(r => r.Rule.Rule.Contains("oldSelf", StringComparison.Ordinal))
            .Select(r => r.At)
            .Order(StringComparer.Ordinal);

        Assert.Equal(schema, PolicyRules.Of(kind).Where(r => r.IsTransition).Select(r => r.Location).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_state_of_a_node_has_no_rules_because_nobody_writes_it_by_hand() =>
        Assert.Empty(RulesOf(CrdFiles.Schema("NodeDeviceState"), ""));

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void An_object_is_accepted_or_refused_as_its_file_says(string file)
    {
        foreach (var step in CrdFixture.Read(file))
        {
            var errors = CrdFiles.Errors((JsonObject)step.New.DeepClone(), step.Old);
            var where = $"{file}: {step.New["metadata"]!["name"]}: {string.Join('\n', errors)}";
            if (step.RefusedAt is null)
                Assert.True(errors.Count == 0, where);
            else
                Assert.True(errors.Contains((step.RefusedAt, step.RefusedBecause!)), where);
        }
    }

    /// <summary>The expressions themselves, as far as <see cref="CelExpression"/> knows the language.</summary>
    [Theory]
    [MemberData(nameof(Fixtures))]
    public void The_expressions_of_the_schema_have_the_verdicts_of_the_code(string file)
    {
        foreach (var step in CrdFixture.Read(file))
        {
            var resource = (JsonObject)step.New.DeepClone();
            var schema = CrdFiles.Schema(resource["kind"]!.GetValue<string>());
            schema.ApplyDefaults(resource);
            var cel = Evaluate(schema.Properties["spec"], resource["spec"], step.Old?["spec"], "spec");
            var code = CrdFiles
                .Errors(resource, step.Old)
                .Where(e => PolicyRules.Of(resource["kind"]!.GetValue<string>()).Any(r => r.Message == e.Message))
                .Select(e => $"{e.Path}: {e.Message}");

            Assert.Equal(code.Order(StringComparer.Ordinal), cel.Order(StringComparer.Ordinal));
        }
    }

    /// <summary>CEL has the names of those written out: one that is new must stand there too.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_risk_of_a_device_and_none_of_a_host_needs_addresses_in_the_schema_too(string kind)
    {
        var accepted = CrdFixture
            .Read($"{kind.ToLowerInvariant()}-risks.yaml")
            .First(s => (string?)s.New["metadata"]!["name"] == "risks-of-a-host");
        foreach (var risk in Risks.All)
        {
            var resource = (JsonObject)accepted.New.DeepClone();
            resource["spec"]!["acceptRisks"] = new JsonArray(risk.Name);
            var schema = CrdFiles.Schema(kind);
            schema.ApplyDefaults(resource);
            var refused = Evaluate(schema.Properties["spec"], resource["spec"], null, "spec").Any();
            Assert.True(refused == (risk.Of == RiskOf.Device), $"{kind} with {risk} alone: {(refused ? "refused" : "accepted")}");
        }
    }

    /// <summary>CEL has the files written out, and so has what kubectl explain says: one that is new must stand there too.</summary>
    [Theory]
    [InlineData("SriovPolicy", WritableOf.PhysicalFunction | WritableOf.VirtualFunction)]
    [InlineData("MdevProfile", WritableOf.MediatedDevice)]
    public void Every_file_of_the_table_and_no_other_is_in_the_schema(string kind, WritableOf devices)
    {
        var schema = CrdFiles.Schema(kind);
        var spec = schema.Properties["spec"];
        var list = (kind == "SriovPolicy" ? spec : spec.Properties["instances"]).Properties["attributes"];
        var explained = list.Items!.Properties["file"].Description!;
        foreach (var file in WritableFiles.All)
        {
            var isFor = (file.Of & devices) != WritableOf.None;
            Assert.Equal(isFor, !Evaluate(list.Items.Properties["file"], JsonValue.Create(file.Path), null, "file").Any());
            Assert.Equal(isFor, explained.Contains(file.Path, StringComparison.Ordinal));
            var alone = Evaluate(
                    list.Items,
                    new JsonObject
                    {
                        ["file"] = file.Path,
                        ["value"] = "1",
                        ["when"] = "AfterVfs",
                    },
                    null,
                    "a"
                )
                .Any();
            Assert.Equal(!isFor || file.Of == WritableOf.VirtualFunction, alone);
        }

        var quoted = list
            .Items.Properties["file"]
            .Rules.Single(r => r.Rule.Contains(" in [", StringComparison.Ordinal))
            .Rule.Count(c => c == '\'');
        Assert.Equal(WritableFiles.For(devices).Count() * 2, quoted);
    }

    /// <summary>
    /// An object that was stored while attributes were a map: whatever else of it changes is written, and so is its status.
    /// </summary>
    [Fact]
    public void A_map_of_attributes_that_stands_in_an_object_is_no_error_until_it_changes()
    {
        var old = CrdFixture
            .Read("mdevprofile-attributes.yaml")
            .First(s => (string?)s.New["metadata"]!["name"] == "attributes-of-before")
            .New;
        var changed = (JsonObject)old.DeepClone();
        changed["spec"]!["priority"] = 5;
        Assert.Empty(CrdFiles.Errors(changed, old));

        changed["spec"]!["attributes"]!["other"] = "1";
        Assert.Contains(CrdFiles.Errors(changed, old), e => e.Path == "spec.attributes");
        changed["spec"]!.AsObject().Remove("attributes");
        changed["spec"]!["instances"]!["attributes"] = new JsonArray(new JsonObject { ["file"] = "assign_domain", ["value"] = "4" });
        Assert.Empty(CrdFiles.Errors(changed, old));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_rule_has_an_object_that_keeps_it_and_one_that_breaks_it(string kind)
    {
        var steps = CrdFixture.Files.SelectMany(CrdFixture.Read).Where(s => s.New["kind"]!.GetValue<string>() == kind).ToList();
        foreach (var rule in PolicyRules.Of(kind))
        {
            var path = rule.Field is null ? rule.Location : $"{rule.Location}.{rule.Field}";
            Assert.True(
                steps.Any(s =>
                    s.RefusedAt is { } at && Index().Replace(at, "[*]") == Index().Replace(path, "[*]") && s.RefusedBecause == rule.Message
                ),
                $"no object is refused at {path} because: {rule.Message}"
            );
            Assert.True(
                steps.Any(s =>
                    s.RefusedAt is null
                    && (s.Old is not null || !rule.IsTransition)
                    && Exists(s.New["spec"], rule.Location.Split('.').AsSpan(1))
                ),
                $"no accepted object has {rule.Location}"
            );
        }
    }

    /// <summary>apiextensions <c>validation.go</c>: a message is one line.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_message_is_one_line_that_says_what_to_write(string kind) =>
        Assert.All(PolicyRules.Of(kind), r => Assert.Matches("^[^\n]{20,400}$", r.Message));

    private static IEnumerable<(string At, ValidationRule Rule)> RulesOf(StructuralSchema schema, string at)
    {
        foreach (var rule in schema.Rules)
            yield return (at, rule);
        foreach (var (name, property) in schema.Properties)
        foreach (var found in RulesOf(property, at.Length == 0 ? name : $"{at}.{name}"))
            yield return found;
        if (schema.Items is { } items)
            foreach (var found in RulesOf(items, schema.ListType == "map" ? $"{at}[{schema.ListMapKeys[0]}]" : $"{at}[*]"))
                yield return found;
    }

    private static IEnumerable<string> Evaluate(StructuralSchema schema, JsonNode? self, JsonNode? old, string path)
    {
        if (self is null)
            yield break;
        foreach (var rule in schema.Rules.Where(r => old is not null || !r.Rule.Contains("oldSelf", StringComparison.Ordinal)))
            if (!Holds(rule, self, old))
                yield return $"{path}{rule.FieldPath}: {rule.Message}";
        if (self is JsonObject map)
            foreach (
                var error in map.SelectMany(m =>
                    schema.Member(m.Key) is { } member ? Evaluate(member, m.Value, (old as JsonObject)?[m.Key], $"{path}.{m.Key}") : []
                )
            )
                yield return error;
        if (self is not JsonArray list)
            yield break;
        for (var i = 0; i < list.Count; i++)
        {
            var before =
                schema.ListType == "map"
                    ? (old as JsonArray)?.FirstOrDefault(o =>
                        JsonNode.DeepEquals(o![schema.ListMapKeys[0]], list[i]![schema.ListMapKeys[0]])
                    )
                    : null;
            foreach (var error in Evaluate(schema.Items!, list[i], before, $"{path}[{i}]"))
                yield return error;
        }
    }

    private static bool Holds(ValidationRule rule, JsonNode self, JsonNode? old)
    {
        var scope = CelScope
            .Empty.With("self", () => CelExpression.Value(self, Escaped))
            .With("oldSelf", () => CelExpression.Value(old, Escaped));
        var result = CelExpression.Of(rule.Rule).Decide(scope);
        Assert.Null(result.Error);
        return result.IsTrue;
    }

    /// <summary>What CEL reserves is written <c>__word__</c> (apiserver <c>cel.Escape</c>); no other word is a field of ours.</summary>
    private static string Escaped(string name) => name == "function" ? "__function__" : name;

    private static bool Exists(JsonNode? node, ReadOnlySpan<string> segments)
    {
        if (segments.IsEmpty || node is null)
            return node is not null;
        var name = segments[0].Split('[')[0];
        if (node is not JsonObject map || map[name] is not { } value)
            return false;
        if (segments[0] == name)
            return Exists(value, segments[1..]);
        foreach (var item in value.AsArray())
            if (Exists(item, segments[1..]))
                return true;
        return false;
    }

    private static string Reason(string reason) => reason.Length == 0 ? RuleReasons.Invalid : reason;

    [GeneratedRegex(@"\[[^]]*\]")]
    private static partial Regex Index();
}
