using System.Diagnostics;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>A real kubectl; HOSTDEV_KUBECTL names another one than the newest of <c>hack/kubetools</c>.</summary>
internal sealed class KubectlTool : KubeTool
{
    private readonly Lazy<int> _minor;

    public KubectlTool(SimulatedApiServer server, string? token = null, string version = Newest)
        : base(Program(version), server, token) => _minor = new Lazy<int>(() => ReadMinor(Program(version)));

    /// <param name="kubeconfig">Of any cluster.</param>
    public KubectlTool(string kubeconfig, string version = Newest)
        : base(Program(version), kubeconfig) => _minor = new Lazy<int>(() => ReadMinor(Program(version)));

    /// <summary>Of its version 1.MINOR.</summary>
    public int Minor => _minor.Value;

    private static string Program(string version) =>
        version == Newest && Environment.GetEnvironmentVariable("HOSTDEV_KUBECTL") is { Length: > 0 } other
            ? other
            : Path.Combine(Directory(version), "kubectl");

    private static int ReadMinor(string program)
    {
        var start = new ProcessStartInfo(program, ["version", "--client", "-o", "json"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        return int.Parse(JsonNode.Parse(process.StandardOutput.ReadToEnd())!["clientVersion"]!["minor"]!.ToString().TrimEnd('+'));
    }
}
