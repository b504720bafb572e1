using System.Collections.Immutable;
using System.Text.Json;
using Hostdev.Kube.Meta;

namespace Hostdev.Crds.Kinds;

/// <summary>A NodeDeviceState as the operator applies it: nothing but what the operator owns.</summary>
public sealed record NodeProjection : IKubeObject
{
    public string ApiVersion
    {
        get => field ?? HostdevKinds.NodeDeviceStateResource.ApiVersion;
        init;
    }

    public string Kind
    {
        get => field ?? HostdevKinds.NodeDeviceStateResource.Kind;
        init;
    }

    public required ObjectMeta Metadata { get; init; }

    public required NodeProjectionSpec Spec { get; init; }
}

public sealed record NodeProjectionSpec
{
    public DateTimeOffset? ProjectedAt { get; init; }

    /// <summary>In order of precedence. Empty gives everything back.</summary>
    public required ImmutableArray<ProjectedPolicy> Policies { get; init; }
}

/// <summary>A policy as a node gets it.</summary>
/// <param name="Spec">The policy's own, word for word.</param>
public sealed record ProjectedPolicy(
    string Kind,
    string Name,
    string Uid,
    long Generation,
    JsonElement Spec,
    DateTimeOffset? CreationTimestamp = null
);
