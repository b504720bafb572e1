using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Xunit;

namespace Hostdev.Tests.Hostile;

/// <summary>
/// What a policy's author, or whoever writes the desired file, may write: read or frozen with words, and nothing else. The API server's
/// schema refuses most of it; an agent has no schema.
/// </summary>
public sealed class HostilePolicyTests
{
    public static TheoryData<string, string> Kinds =>
        new()
        {
            {
                "HostDevice",
                """
                    {"resourceName": "example.com/gpu", "nodeSelector": {"matchLabels": {"a": "b"}}, "priority": 3,
                     "rollout": {"maxUnavailable": "10%"}, "disruption": "WhenIdle",
                     "deviceFile": {"uid": 107, "gid": 107, "mode": "0660"},
                     "devices": {"pci": {"selectors": [{"vendor": "10de", "device": "2236", "addresses": ["0000:43:00.0"]}],
                       "driver": {"type": "Vfio"}, "groupPolicy": "Explicit", "members": [{"function": 1, "assigned": true}],
                       "iommuBackend": "Legacy"}}, "allowProtected": ["Network"]}
                    """
            },
            {
                "SriovPolicy",
                """
                    {"nodeSelector": {}, "physicalFunctions": [{"vendor": "8086", "interfaces": ["eth0"]}],
                     "management": "Owned", "numVfs": 4,
                     "pools": [{"name": "a", "vfs": [{"first": 0, "last": 2}], "driver": {"type": "Vfio"},
                       "resourceName": "example.com/vf"},
                       {"name": "b", "vfs": [{"first": 3, "last": 3}], "driver": {"type": "Native"}}]}
                    """
            },
            {
                "MdevProfile",
                """
                    {"resourceName": "example.com/vgpu", "nodeSelector": {}, "parents": {"selectors": [{"vendor": "10de"}]},
                     "typeName": "A10-4Q",
                     "instances": {"mode": "Static", "count": 2}, "attributes": {"a": "b"}}
                    """
            },
        };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Whatever_a_spec_says_it_is_understood_or_frozen_with_words(string kind, string spec)
    {
        var template = JsonNode.Parse(spec)!;
        HostileRun.Over(
            $"{kind} specs",
            seed =>
            {
                var text = new JsonObject
                {
                    ["policies"] = new JsonArray(
                        new JsonObject
                        {
                            ["kind"] = kind,
                            ["name"] = "x",
                            ["uid"] = "x",
                            ["generation"] = 1,
                            ["spec"] = new HostileJson(seed).Of(template),
                        },
                        new JsonObject
                        {
                            ["kind"] = kind,
                            ["name"] = "good",
                            ["uid"] = "good",
                            ["generation"] = 1,
                            ["spec"] = template.DeepClone(),
                        }
                    ),
                };
                var read = NodeDeviceStateReader.Read(text.ToJsonString(), out var error);
                Assert.NotNull(read);
                Assert.Equal("", error);
                Assert.IsNotType<DesiredPolicy.Frozen>(read.Policies[1]); // the other one is as it was
                if (read.Policies[0] is not DesiredPolicy.Frozen frozen)
                    return false;
                Assert.NotEqual(Reasons.Unsaid, frozen.Reason);
                Assert.StartsWith($"{kind}/x: ", frozen.Message, StringComparison.Ordinal);
                return true;
            }
        );
    }

    [Fact]
    public void Whatever_stands_in_a_desired_file_it_is_read_or_refused_with_a_sentence()
    {
        var template = JsonNode.Parse(
            """
            {"projectedAt": "2026-01-01T00:00:00Z", "policies": [
              {"kind": "HostDevice", "name": "gpus", "uid": "u", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z",
               "spec": {"resourceName": "example.com/gpu", "nodeSelector": {}, "devices": {"pci": {"selectors": [{"vendor": "10de"}]}}}},
              {"kind": "HostDevice", "name": "b", "spec": {"resourceName": "example.com/b", "nodeSelector": {},
               "devices": {"pci": {"selectors": [{"vendor": "8086"}]}}}}]}
            """
        )!;
        HostileRun.Over(
            "desired files",
            seed =>
            {
                var text = new HostileJson(seed).Of(template)?.ToJsonString() ?? "null";
                var random = new Random(seed);
                // Half of them are not even well-formed: a byte is another one, or the rest is missing.
                if (random.Next(2) == 0)
                    text = text.Remove(random.Next(text.Length), 1).Insert(0, random.Next(3) == 0 ? "&a " : "");
                if (random.Next(4) == 0)
                    text = text[..random.Next(text.Length)];
                var read = NodeDeviceStateReader.Read(text, out var error);
                Assert.Equal(read is null, error.Length > 0);
                return read is null;
            }
        );
    }
}
