using System.Text.Json;

namespace Hostdev.Kube.Client;

/// <summary>What a credential plugin is told and what it answers (<c>client.authentication.k8s.io</c>, v1 and v1beta1, <c>ExecCredential</c>).</summary>
internal sealed record ExecCredential
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ExecCredentialSpec? Spec { get; init; }

    public ExecCredentialStatus? Status { get; init; }
}

internal sealed record ExecCredentialSpec(bool Interactive, Dictionary<string, JsonElement>? Cluster);

/// <summary>Holds secrets: prints as its name.</summary>
internal sealed record ExecCredentialStatus
{
    public DateTimeOffset? ExpirationTimestamp { get; init; }

    public string? Token { get; init; }

    public string? ClientCertificateData { get; init; }

    public string? ClientKeyData { get; init; }

    public override string ToString() => nameof(ExecCredentialStatus);
}
