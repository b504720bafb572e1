using Hostdev.Kube.Meta;
using Hostdev.Sandbox.ApiServer.Schema;
using Xunit;
using static Hostdev.Tests.Sandbox.ApiServer.Schema.SchemaText;

namespace Hostdev.Tests.Sandbox.ApiServer.Schema;

/// <summary>What <c>kubectl get</c> is sent.</summary>
public sealed class TableTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(-5, "<invalid>")]
    [InlineData(-1, "0s")]
    [InlineData(119, "119s")]
    [InlineData(120, "2m")]
    [InlineData(301, "5m1s")]
    [InlineData(660, "11m")]
    [InlineData(3 * 3600, "3h")]
    [InlineData((3 * 3600) + 60, "3h1m")]
    [InlineData(47 * 3600, "47h")]
    [InlineData(74 * 3600, "3d2h")]
    [InlineData(9 * 86400, "9d")]
    [InlineData(800 * 86400, "2y70d")]
    [InlineData(3000 * 86400, "8y")]
    public void An_age_has_two_units_at_most(int seconds, string text) => Assert.Equal(text, HumanAge.Of(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData("string", ".status.conditions[?(@.type==\"Ready\")].status", "\"False\"")]
    [InlineData("string", ".status.conditions[?(@.type=='Absent')].status", "null")]
    [InlineData("string", ".metadata.labels['example\\.com/a']", "null")]
    [InlineData("string", ".metadata.labels['example.com/a']", "\"b\"")]
    [InlineData("string", ".metadata.labels.example\\.com/a", "\"b\"")]
    [InlineData("string", ".spec.list[*].n", "\"1\"")]
    [InlineData("string", ".spec.list[1:].n", "\"2\"")]
    [InlineData("string", ".spec.list[?(@.n>1)].n", "\"2\"")]
    [InlineData("string", ".spec.list[-1]", "\"{\\\"n\\\":2}\"")]
    [InlineData("string", ".spec.on", "\"true\"")]
    [InlineData("integer", ".spec.list[0].n", "1")]
    [InlineData("integer", ".spec.half", "1")]
    [InlineData("number", ".spec.half", "1.5")]
    [InlineData("boolean", ".spec.on", "true")]
    [InlineData("boolean", ".spec.half", "null")]
    [InlineData("integer", ".spec.on", "null")]
    [InlineData("date", ".metadata.creationTimestamp", "\"5m\"")]
    [InlineData("date", ".spec.on", "null")]
    public void A_cell_is_the_first_value_that_the_path_leads_to(string type, string path, string cell)
    {
        var item = Yaml(
            """
            metadata: {name: a, creationTimestamp: "2026-11-20T11:55:00Z", labels: {example.com/a: b}}
            spec: {list: [{n: 1}, {n: 2}], on: true, half: 1.5}
            status: {conditions: [{type: Other, status: "True"}, {type: Ready, status: "False"}]}
            """
        );
        var table = Table(new PrinterColumn("X", type, path)).Write([item], [], IncludeObject.None);
        Assert.Equal(cell, table["rows"]![0]!["cells"]![1]?.ToJsonString(s_plain) ?? "null");
    }

    [Fact]
    public void Without_columns_there_are_name_and_age_and_with_columns_only_those()
    {
        Assert.Equal(["Name", "Age"], Headers(Table()));
        Assert.Equal(["Name", "Mode"], Headers(Table(new PrinterColumn("Mode", "string", ".spec.mode"))));
    }

    [Theory]
    [InlineData(IncludeObject.None, null)]
    [InlineData(
        IncludeObject.Metadata,
        "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{\"name\":\"a\"}}"
    )]
    [InlineData(IncludeObject.Object, "{\"metadata\":{\"name\":\"a\"},\"spec\":{}}")]
    public void A_row_carries_what_was_asked_for(IncludeObject include, string? json) =>
        Assert.Equal(json, Table().Write([Yaml("{metadata: {name: a}, spec: {}}")], [], include)["rows"]![0]!["object"]?.ToJsonString());

    [Theory]
    [InlineData(
        "",
        "nodes",
        "{metadata: {name: n, labels: {node-role.kubernetes.io/worker: ''}, creationTimestamp: "
            + "'2026-11-20T11:00:00Z'}, spec: {unschedulable: true}, status: {conditions: [{type: Ready, status: "
            + "'True'}], nodeInfo: {kubeletVersion: v1.34.0}}}",
        "n Ready,SchedulingDisabled worker 60m v1.34.0 <none> <none> <unknown> <unknown> <unknown>"
    )]
    [InlineData(
        "",
        "pods",
        "{metadata: {name: p, creationTimestamp: '2026-11-20T11:00:00Z'}, spec: {nodeName: n, containers: [{name: "
            + "a}]}, status: {phase: Running, containerStatuses: [{ready: true, restartCount: 2, state: "
            + "{running: {}}}]}}",
        "p 1/1 Running 2 60m <none> n <none> <none>"
    )]
    [InlineData(
        "",
        "pods",
        "{metadata: {name: p}, spec: {containers: [{name: a}]}, status: {phase: Pending, containerStatuses: "
            + "[{restartCount: 0, state: {waiting: {reason: ContainerCreating}}}]}}",
        "p 0/1 ContainerCreating 0 <unknown> <none> <none> <none> <none>"
    )]
    [InlineData(
        "events.k8s.io",
        "events",
        "{metadata: {name: e}, type: Warning, reason: R, note: 'text ', regarding: {kind: Node, name: n}, "
            + "eventTime: '2026-11-20T11:59:00Z', reportingController: c}",
        "60s Warning R node/n  c text 60s 1 e"
    )]
    [InlineData("coordination.k8s.io", "leases", "{metadata: {name: l}, spec: {holderIdentity: me}}", "l me <unknown>")]
    public void Built_in_kinds_have_the_columns_that_people_know(string group, string plural, string item, string cells)
    {
        var resource = new ResourceDescription
        {
            Resource = new KubeResource(group, "v1", "X", plural, true),
            ListKind = "XList",
            Singular = "x",
        };
        var row = new TableWriter(resource, s_now).Write([Yaml(item)], [], IncludeObject.None)["rows"]![0]!["cells"]!.AsArray();
        Assert.Equal(cells, string.Join(' ', row.Select(c => c?.ToString())));
    }

    private static readonly System.Text.Json.JsonSerializerOptions s_plain = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static TableWriter Table(params PrinterColumn[] columns) =>
        new(
            new ResourceDescription
            {
                Resource = new KubeResource("example.com", "v1", "Widget", "widgets", false),
                ListKind = "WidgetList",
                Singular = "widget",
                Columns = [.. columns],
            },
            s_now
        );

    private static IEnumerable<string> Headers(TableWriter table) =>
        table.Write([], [], IncludeObject.None)["columnDefinitions"]!.AsArray().Select(c => c!["name"]!.ToString());
}
