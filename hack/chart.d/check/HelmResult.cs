namespace Hostdev.Charts;

/// <param name="Errors">All of stderr. Empty when there was nothing to say.</param>
internal sealed record HelmResult(bool Succeeded, string Output, string Errors);
