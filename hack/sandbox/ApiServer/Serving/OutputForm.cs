using Microsoft.AspNetCore.Http;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>In which form a client wants objects.</summary>
internal enum OutputForm
{
    Object,

    /// <summary>Metadata alone (<c>meta.k8s.io/v1 PartialObjectMetadata</c>).</summary>
    Metadata,

    /// <summary>Rows for people (<c>meta.k8s.io/v1 Table</c>).</summary>
    Table,
}

/// <summary>Reads the Accept header as far as a server that speaks JSON needs it.</summary>
internal static class Accepted
{
    public static OutputForm Form(HttpRequest request)
    {
        foreach (var (type, parameters) in Types(request))
        {
            if (type is not ("application/json" or "*/*" or "application/*"))
                continue;
            switch (parameters.GetValueOrDefault("as"))
            {
                case null:
                    return OutputForm.Object;
                case "Table" when Is(parameters, "meta.k8s.io", "v1"):
                    return OutputForm.Table;
                case "PartialObjectMetadata" or "PartialObjectMetadataList" when Is(parameters, "meta.k8s.io", "v1"):
                    return OutputForm.Metadata;
            }
        }

        return OutputForm.Object;
    }

    /// <summary>The media types of the header in order, with their parameters.</summary>
    public static IEnumerable<(string Type, Dictionary<string, string> Parameters)> Types(HttpRequest request)
    {
        foreach (var entry in request.Headers.Accept.SelectMany(h => (h ?? "").Split(',')))
        {
            var parts = entry.Split(';', StringSplitOptions.TrimEntries);
            var parameters = parts
                .Skip(1)
                .Select(p => p.Split('=', 2))
                .Where(p => p.Length == 2)
                .DistinctBy(p => p[0])
                .ToDictionary(p => p[0], p => p[1]);
            yield return (parts[0], parameters);
        }
    }

    private static bool Is(Dictionary<string, string> parameters, string group, string version) =>
        parameters.GetValueOrDefault("g") == group && parameters.GetValueOrDefault("v") == version;
}
