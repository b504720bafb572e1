namespace Hostdev.Telemetry;

/// <summary>Whether whoever has a token may read the metrics: an HTTP status, 200 for yes, and a sentence for any other.</summary>
public delegate Task<(int Status, string Words)> MetricsReader(string token, CancellationToken cancellationToken);
