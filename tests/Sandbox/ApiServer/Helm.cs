using Hostdev.Sandbox.ApiServer;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>A real helm, with the chart of this repository.</summary>
internal sealed class Helm : KubeTool
{
    public const string Namespace = "hostdev-system";

    private static readonly string s_chart = Repository.Path("charts", "hostdev");

    /// <param name="version">Of <c>hack/kubetools</c>: helm 4.1 for the newest, 3.17 for the oldest.</param>
    public Helm(SimulatedApiServer server, string version)
        : base(Path.Combine(Directory(version), "helm"), server, null) { }

    /// <param name="kubeconfig">Of any cluster.</param>
    public Helm(string kubeconfig)
        : base(Path.Combine(Directory(Newest), "helm"), kubeconfig) { }

    public Task<ToolResult> InstallAsync(params string[] more) => RunAsync(["install", "hostdev", s_chart, "-n", Namespace, .. more]);

    public Task<ToolResult> UpgradeAsync(params string[] more) => RunAsync(["upgrade", "hostdev", s_chart, "-n", Namespace, .. more]);

    public Task<ToolResult> RollbackAsync(params string[] more) => RunAsync(["rollback", "hostdev", "-n", Namespace, .. more]);

    public Task<ToolResult> UninstallAsync(params string[] more) => RunAsync(["uninstall", "hostdev", "-n", Namespace, .. more]);

    public async Task<string> HistoryAsync() => (await RunAsync("history", "hostdev", "-n", Namespace)).Succeeded().Output;
}
