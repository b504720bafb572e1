namespace Hostdev.Tests.Kube;

/// <summary>What a request was, as the server saw it.</summary>
internal sealed record SeenRequest(
    string Method,
    string Path,
    string Query,
    string Protocol,
    string Accept,
    string UserAgent,
    string Authorization,
    string ContentType,
    string Body,
    string? ClientSubject
)
{
    public bool IsWatch => Query.Contains("watch=true", StringComparison.Ordinal);

    public override string ToString() => $"{Method} {Path}{Query}";
}
