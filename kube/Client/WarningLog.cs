using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;

namespace Hostdev.Kube.Client;

/// <summary>
/// What the API server warns of (<c>Warning: 299 - "..."</c>), each text once: deprecated versions, admission policies that only warn.
/// </summary>
internal sealed partial class WarningLog(ILogger logger)
{
    private const int MostTexts = 200;

    private readonly HashSet<string> _said = [];

    public void Say(HttpResponseMessage response, KubeRequest request)
    {
        if (!response.Headers.TryGetValues("Warning", out var values))
            return;
        foreach (
            var text in values
                .Select(v => Form().Match(v))
                .Where(m => m.Success)
                .Select(m => m.Groups[1].Value.Replace("\\\"", "\"", StringComparison.Ordinal))
        )
        {
            lock (_said)
            {
                if (_said.Count >= MostTexts || !_said.Add(text))
                    continue;
            }

            LogWarning(request.Verb, request.Resource, text);
        }
    }

    [GeneratedRegex("""^\s*299\s+\S+\s+"((?:\\.|[^"\\])*)"\s*""")]
    private static partial Regex Form();

    [LoggerMessage(EventId = 5002, Level = LogLevel.Warning, Message = "the API server warns about {Verb} {Resource}: {Text}")]
    private partial void LogWarning(string verb, string resource, string text);
}
