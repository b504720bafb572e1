using System.Text.Json.Nodes;
using Xunit;

namespace Hostdev.Tests.Charts;

/// <summary>Where values go: what <c>hack/chart.d/cases.yaml</c> sets in <c>filled</c> is found again in what helm renders.</summary>
public sealed class ChartValueTests
{
    private static readonly (string Kind, string Name)[] s_programs = [("DaemonSet", "hostdev-agent"), ("Deployment", "hostdev-operator")];

    [Fact]
    public void An_image_has_its_own_digest_or_tag_and_else_the_common_one()
    {
        var digest = $"sha256:{new string('a', 64)}";
        Assert.Equal($"registry.example.com/hostdev/mirror/hostdev-device-plugin@{digest}", Image(PodOf("DaemonSet", "hostdev-agent")));
        Assert.Equal(Image(PodOf("DaemonSet", "hostdev-agent")), Image(StaticPod()));
        Assert.Equal("registry.example.com/hostdev/hostdev-operator:0.1.0-rc.2", Image(PodOf("Deployment", "hostdev-operator")));
        Assert.Equal("registry.example.com/hostdev/hostdev-operator:0.1.0-rc.2", Image(PodOf("Job", "hostdev-uninstall")));
        foreach (var (kind, name) in ((string, string)[])[.. s_programs, ("Job", "hostdev-install")])
            Assert.Equal("""[{"name":"one"},{"name":"two"}]""", PodOf(kind, name)["imagePullSecrets"]!.ToJsonString());
    }

    [Fact]
    public void A_node_with_a_static_Pod_is_left_out_of_every_alternative_of_the_agents_affinity()
    {
        var affinity = PodOf("DaemonSet", "hostdev-agent")["affinity"]!;
        var terms = affinity["nodeAffinity"]!["requiredDuringSchedulingIgnoredDuringExecution"]!["nodeSelectorTerms"]!.AsArray();

        var notStatic = """{"key":"hostdev.io/agent","operator":"NotIn","values":["static"]}""";
        Assert.Equal([notStatic, notStatic], terms.Select(t => t!["matchExpressions"]!.AsArray()[^1]!.ToJsonString()));
        Assert.Equal("example.com/gpu", (string)terms[0]!["matchExpressions"]![0]!["key"]!);
        Assert.Equal("metadata.name", (string)terms[1]!["matchFields"]![0]!["key"]!);
        Assert.NotNull(affinity["podAntiAffinity"]);
    }

    [Fact]
    public void Pods_have_the_annotations_and_programs_the_variables_that_were_asked_for()
    {
        foreach (var (kind, name) in s_programs)
        {
            var template = RenderedChart.Find(kind, name)["spec"]!["template"]!;
            Assert.Equal("1", (string)template["metadata"]!["annotations"]!["example.com/owner"]!);
        }

        foreach (var (pod, program, container) in RenderedChart.Containers())
        {
            var names = container["env"]!.AsArray().Select(e => (string)e!["name"]!).ToList();
            Assert.Equal(program == "hostdev-operator" ? "DOTNET_GCHeapHardLimit" : "DOTNET_GCConserveMemory", names[^1]);
            Assert.True(names.Distinct().Count() == names.Count, $"{pod}: {string.Join(", ", names)}");
        }
    }

    /// <summary>Only pod-resources moves with the kubelet's root.</summary>
    [Fact]
    public void Case_15_chart_kubelet_root_dir_is_two_values_and_a_Pod_does_not_hang_where_one_is_absent()
    {
        foreach (var pod in new[] { PodOf("DaemonSet", "hostdev-agent"), StaticPod() })
        {
            var args = pod["containers"]![0]!["args"]!.AsArray().Select(a => (string)a!).ToList();
            Assert.Contains("--kubelet-dir=/opt/device-plugins", args);
            Assert.Contains("--pod-resources=/opt/kubelet/pod-resources/kubelet.sock", args);
            var paths = pod["volumes"]!.AsArray().ToDictionary(v => (string)v!["name"]!, v => v!["hostPath"]!.ToJsonString());
            Assert.Equal("""{"path":"/opt/device-plugins"}""", paths["device-plugins"]);
            Assert.Equal("""{"path":"/opt/kubelet/pod-resources"}""", paths["pod-resources"]);
        }
    }

    [Fact]
    public void The_give_back_Jobs_are_hooks_whose_log_helm_prints_when_they_fail_and_what_they_need_is_there_while_they_run()
    {
        string Hook(string job, string name) => Annotation(RenderedChart.Find("Job", job), name);
        Assert.Equal("pre-delete", Hook("hostdev-uninstall", "hook"));
        Assert.Equal("post-install,post-upgrade,post-rollback", Hook("hostdev-install", "hook"));
        foreach (var job in new[] { "hostdev-uninstall", "hostdev-install" })
        {
            Assert.Equal("hook-failed", Hook(job, "hook-output-log-policy"));
            Assert.Equal("before-hook-creation,hook-succeeded", Hook(job, "hook-delete-policy")); // a failed one stays, with its log
        }

        // An object that is a hook goes with its hook, under a Job that still runs.
        var hooks = RenderedChart.Everything.Where(o => o["metadata"]!["annotations"]?["helm.sh/hook"] is not null);
        Assert.Equal(["Job", "Job", "Pod"], hooks.Select(o => RenderedChart.Text(o, "kind")).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_test_of_helm_asks_with_the_operators_own_rights_and_image_and_stays_where_it_fails()
    {
        var pod = RenderedChart.Find("Pod", "hostdev-test");
        Assert.Equal(("test", "hook-failed"), (Annotation(pod, "hook"), Annotation(pod, "hook-output-log-policy")));
        Assert.Equal("before-hook-creation,hook-succeeded", Annotation(pod, "hook-delete-policy"));
        Assert.Equal(Image(PodOf("Deployment", "hostdev-operator")), Image(pod["spec"]!));
        Assert.Equal("hostdev-operator", (string?)pod["spec"]!["serviceAccountName"]);
        Assert.Equal("Never", (string?)pod["spec"]!["restartPolicy"]);
        // A Deployment would take it for one of its own.
        Assert.NotEqual("operator", (string?)pod["metadata"]!["labels"]!["app.kubernetes.io/component"]);
    }

    private static string Annotation(JsonNode it, string name) => (string)it["metadata"]!["annotations"]![$"helm.sh/{name}"]!;

    private static string Image(JsonNode pod) => (string)pod["containers"]![0]!["image"]!;

    private static JsonNode PodOf(string kind, string name) => RenderedChart.Find(kind, name)["spec"]!["template"]!["spec"]!;

    private static JsonNode StaticPod() => RenderedChart.StaticPod["spec"]!;
}
