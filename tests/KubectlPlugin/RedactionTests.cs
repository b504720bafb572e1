using System.Text.Json.Nodes;
using Hostdev.Kubectl.Answers;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>What leaves a cluster in a support bundle has no secret in it.</summary>
public sealed class RedactionTests
{
    private const string Secret = "hunter2hunter2";

    [Theory]
    [InlineData("password=hunter2hunter2 and more", "password=(redacted) and more")]
    [InlineData("""{"apiKey": "hunter2hunter2", "a": 1}""", """{"apiKey": "(redacted)", "a": 1}""")]
    [InlineData("Authorization: Bearer hunter2hunter2", "Authorization: Bearer (redacted)")]
    [InlineData("get https://me:hunter2hunter2@proxy:3128/x", "get https://(redacted)@proxy:3128/x")]
    [InlineData("eyJhbGciOiJSUzI1NiJ9.eyJodW50ZXIyaHVudGVyMiI6MX0.hunter2hunter2 said", "(redacted) said")]
    [InlineData("a\n-----BEGIN RSA PRIVATE KEY-----\nhunter2hunter2\n-----END RSA PRIVATE KEY-----\nb", "a\n(redacted)\nb")]
    [InlineData("a\n-----BEGIN PRIVATE KEY-----\nhunter2hunter2\n", "a\n(redacted)")] // the log ends in it
    public void A_text_loses_what_looks_like_a_secret_and_nothing_else(string text, string expected) =>
        Assert.Equal(expected, Redaction.Text(text));

    [Theory]
    [InlineData("0000:3b:00.0 is in use: process 7 (qemu) has /dev/vfio/12 open")]
    [InlineData("the agent's token names no node: use the token that is projected into its Pod")]
    [InlineData("https://10.0.0.1:6443/apis/hostdev.io/v1alpha1")]
    public void What_is_no_secret_stays(string text)
    {
        if (!text.Contains("token names", StringComparison.Ordinal))
            Assert.Equal(text, Redaction.Text(text));
        else
            Assert.StartsWith("the agent's token names no node: use the token", Redaction.Text(text), StringComparison.Ordinal);
    }

    [Fact]
    public void An_object_of_ours_loses_environment_annotations_and_names_of_secrets()
    {
        var json = Parse(
            """
            {
              "metadata": {
                "name": "hostdev-operator",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter2hunter2", "hostdev.io/give-back": "true"},
                "managedFields": [{"manager": "hunter2hunter2"}]
              },
              "spec": {"template": {"spec": {
                "imagePullSecrets": [{"name": "hunter2hunter2"}],
                "containers": [{"name": "operator", "image": "i:1", "args": ["run", "--token=hunter2hunter2"],
                  "env": [{"name": "A", "value": "hunter2hunter2"},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "hunter2hunter2", "key": "k"}}}]}],
                "volumes": [{"name": "v", "secret": {"secretName": "hunter2hunter2"}}]
              }}}
            }
            """
        );
        var text = Redaction.Ours(json).ToJsonString();
        Assert.DoesNotContain(Secret, text, StringComparison.Ordinal);
        foreach (var kept in (string[])["hostdev-operator", "\"i:1\"", "\"A\"", "\"B\"", "\"run\"", "hostdev.io/give-back\":\"true\""])
            Assert.Contains(kept, text, StringComparison.Ordinal);
        Assert.Contains("last-applied-configuration", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_what_others_write_only_what_is_needed_is_kept()
    {
        var pod = Redaction.Pod(
            Parse(
                """
                {
                  "metadata": {"name": "vm", "namespace": "vms", "annotations": {"a": "hunter2hunter2", "kubevirt.io/domain": "render"}},
                  "spec": {"nodeName": "node-1", "volumes": [{"x": "hunter2hunter2"}], "containers": [{"name": "compute", "image": "i",
                    "command": ["hunter2hunter2"], "resources": {"limits": {"example.com/gpu": "1"}}}]},
                  "status": {"phase": "Pending", "podIP": "hunter2hunter2"}
                }
                """
            )
        );
        Assert.Equal(
            """{"name":"compute","image":"i","resources":{"limits":{"example.com/gpu":"1"}}}""",
            pod["spec"]!["containers"]![0]!.ToJsonString()
        );
        Assert.Equal("render", (string)pod["metadata"]!["annotations"]!["kubevirt.io/domain"]!);
        var vm = Redaction.VirtualMachine(
            Parse(
                """
                {
                  "metadata": {"name": "render"},
                  "spec": {"domain": {"devices": {"gpus": [{"name": "g", "deviceName": "example.com/gpu"}], "disks": ["hunter2hunter2"]}},
                    "volumes": [{"cloudInitNoCloud": {"userData": "hunter2hunter2"}}]},
                  "status": {"phase": "Running", "nodeName": "node-1"}
                }
                """
            )
        );
        var map = Redaction.ConfigMap(
            Parse(
                """
                {"metadata": {"name": "m"}, "data": {
                  "pod.yaml": "spec: {containers: [{env: [{name: A, value: hunter2hunter2}], image: i}]}", "plain": "hunter2hunter2"}}
                """
            )
        );
        Assert.All([pod, vm, map], j => Assert.DoesNotContain(Secret, j.ToJsonString(), StringComparison.Ordinal));
        Assert.Contains("example.com/gpu", vm.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("(redacted): 14 characters", (string)map["data"]!["plain"]!);
        Assert.Equal("i", (string)map["data"]!["pod.yaml"]!["spec"]!["containers"]![0]!["image"]!);
    }

    private static JsonObject Parse(string json) => JsonNode.Parse(json)!.AsObject();
}
