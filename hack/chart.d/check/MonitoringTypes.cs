using System.Text.Json.Serialization;
using k8s.Models;

namespace Hostdev.Charts;

/// <summary>Of the Prometheus operator's kinds what the chart uses: the client does not have them.</summary>
internal sealed record ServiceMonitor(string ApiVersion, string Kind, V1ObjectMeta Metadata, ServiceMonitorSpec Spec);

internal sealed record ServiceMonitorSpec(V1LabelSelector Selector, IReadOnlyList<ServiceMonitorEndpoint> Endpoints);

internal sealed record ServiceMonitorEndpoint(
    string Port,
    string Path,
    string Interval,
    IReadOnlyList<Relabeling> Relabelings,
    string? BearerTokenFile = null,
    EndpointAuthorization? Authorization = null
);

internal sealed record EndpointAuthorization(V1SecretKeySelector Credentials);

internal sealed record Relabeling(IReadOnlyList<string> SourceLabels, string TargetLabel);

internal sealed record PrometheusRule(string ApiVersion, string Kind, V1ObjectMeta Metadata, PrometheusRuleSpec Spec);

internal sealed record PrometheusRuleSpec(IReadOnlyList<AlertGroup> Groups);

internal sealed record AlertGroup(string Name, IReadOnlyList<Alert> Rules);

/// <param name="Name">The field is called <c>alert</c>.</param>
internal sealed record Alert(
    [property: JsonPropertyName("alert")] string Name,
    string Expr,
    string For,
    IReadOnlyDictionary<string, string> Labels,
    IReadOnlyDictionary<string, string> Annotations
);
