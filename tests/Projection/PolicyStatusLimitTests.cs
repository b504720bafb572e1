using System.Globalization;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.Projection;
using Hostdev.Tests.Crds;
using Xunit;
using static Hostdev.Tests.Projection.ClusterBuilder;

namespace Hostdev.Tests.Projection;

/// <summary>Whatever agents say, the API server takes the status that comes of it.</summary>
public sealed class PolicyStatusLimitTests
{
    private const string Selectors = "selectors: [{vendor: \"10de\"}]";

    private static readonly DateTimeOffset Now = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Two UTF-16 units, one code point.</summary>
    private static readonly string Wide = string.Concat(Enumerable.Repeat("\U0001F5A5", 40_000));

    public static TheoryData<string, string> Policies =>
        new()
        {
            { "HostDevice", $"resourceName: example.com/gpu\nnodeSelector: {{}}\ndevices: {{pci: {{{Selectors}}}}}" },
            {
                "SriovPolicy",
                $"nodeSelector: {{}}\nphysicalFunctions: [{{vendor: \"10de\"}}]\nmanagement: Owned\nnumVfs: "
                    + $"24\npools: [{string.Join(", ", Enumerable.Range(0, 24).Select(Pool))}]"
            },
            {
                "MdevProfile",
                $"resourceName: example.com/vgpu\nnodeSelector: {{}}\nparents: {{{Selectors}}}\ntypeId: nvidia-63\ninstances: {{count: 1}}"
            },
        };

    [Theory]
    [MemberData(nameof(Policies))]
    public void Texts_of_any_length_make_a_status_that_the_schema_allows(string kind, string spec)
    {
        var policy = Policy(kind, "p", spec, 1, 0, null);
        Assert.False(policy.Policy is DesiredPolicy.Frozen, (policy.Policy as DesiredPolicy.Frozen)?.Message);
        foreach (var text in (string[])[new string('x', 4096), new string('x', 40_000), Wide])
        {
            var blocked = Talkative(Node("a"), policy, Reasons.Blocked, text);
            var releasing = Node("b", ("x", "y")) with
            {
                Releasing = [new DeviceProblem(text, FindingState.Releasing, Reasons.Of(text), text, policy.Identity.Uid)],
            };
            foreach (
                var nodes in (NodeView[][])
                    [
                        [blocked, releasing],
                        [Talkative(Node("a"), policy, Reasons.Frozen, text)],
                        [blocked, Node("c")],
                        [Talkative(Node("a"), policy, Reasons.Progressing, text)],
                    ]
            )
            {
                var status = PolicyRollup.Status(Projector.Project(View([policy], nodes)).Policies.Single(), nodes, Now);
                Assert.NotEmpty(status.Problems);
                Assert.Equal([], Errors(kind, status));
            }
        }
    }

    [Fact]
    public void Of_too_many_KubeVirt_entries_whole_ones_are_shown_and_the_rest_is_counted()
    {
        var policy = HostDevice("gpus");
        var ids = Enumerable.Range(0, 1000).Select(i => string.Create(CultureInfo.InvariantCulture, $"10de:{i:x4}"));
        var status = PolicyRollup.Status(
            Projector.Project(View([policy], [Node("a")])).Policies.Single() with
            {
                Selected = [Talkative(Node("a"), policy, Reasons.Ready, "", ids)],
            },
            [],
            Now
        );
        Assert.InRange(status.Kubevirt!.Length, 16_000, 16_384);
        var entries = YamlJson.Parse(status.Kubevirt, out var error)?["pciHostDevices"]?.AsArray();
        Assert.True(entries is not null, error);
        Assert.All(entries, e => Assert.Equal("example.com/gpu", (string?)e!["resourceName"]));
        Assert.Equal("10DE:0000", (string?)entries[0]!["pciVendorSelector"]);
        Assert.EndsWith(
            $"\n# ... and {1000 - entries.Count} more: hostdev-operator kubevirt-snippet prints all of them\n",
            status.Kubevirt,
            StringComparison.Ordinal
        );
    }

    private static string Pool(int i) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{{name: p{i}, vfs: [{{first: {i}, last: {i}}}], driver: {{type: Vfio}}, resourceName: "
                + $"\"example.com/a-name-of-many-letters-for-the-pool-with-the-number-{i:00}\"}}"
        );

    /// <summary>What an agent may report by its own schema, and more.</summary>
    private static NodeView Talkative(NodeView node, ClusterPolicy policy, Reason reason, string text, IEnumerable<string>? ids = null)
    {
        var said = (node with { Given = [policy.Version] }).Reports(
            policy,
            reason,
            text,
            1,
            0,
            1,
            new DeviceProblem(text, FindingState.Blocked, Reasons.Of(text), text),
            new DeviceProblem(text, FindingState.Waiting, Reasons.Of(text), text)
        );
        var result = said.Results[policy.Identity.Uid] with
        {
            Ids = [.. ids ?? Enumerable.Range(0, 64).Select(i => string.Create(CultureInfo.InvariantCulture, $"10de:{i:x4}"))],
        };
        return said with { Results = said.Results.SetItem(policy.Identity.Uid, result) };
    }

    private static IEnumerable<string> Errors(string kind, PolicyStatus status) =>
        CrdFiles
            .Schema(kind)
            .ValidateStatus(new JsonObject { ["status"] = PolicyStatusWriter.ToJson(status) }, null)
            .Select(e => e.ToString());
}
