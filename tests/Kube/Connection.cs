using Hostdev.Kube.Client;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hostdev.Tests.Kube;

/// <summary>Ways to a fake server, through kubeconfig files as an admin has them.</summary>
internal static class Connection
{
    /// <summary>In a cluster: its server's certificate is not what the test is about.</summary>
    public const string AnyServer = ", insecure-skip-tls-verify: true";

    public static KubeClient To(FakeApiServer server, TimeProvider? time = null, LogLines? log = null, KubeClientOptions? options = null) =>
        new(
            Configuration(server.Address),
            "hostdev-tests/1.2.3",
            time ?? TimeProvider.System,
            log is null ? NullLogger<KubeClient>.Instance : log,
            options
        );

    public static KubeConfiguration Configuration(Uri server, string user = "{}", string cluster = "", TimeProvider? time = null)
    {
        var folder = Directory.CreateTempSubdirectory("hostdev-kube");
        try
        {
            return KubeConfiguration.FromKubeconfig(Write(folder.FullName, server, user, cluster), null, time ?? TimeProvider.System);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <param name="user">The user, in JSON.</param>
    /// <param name="cluster">Further lines of the cluster, each with a comma before it.</param>
    public static string Write(string folder, Uri server, string user = "{}", string cluster = "", string name = "config")
    {
        var path = Path.Combine(folder, name);
        File.WriteAllText(
            path,
            $$$"""
            apiVersion: v1
            kind: Config
            current-context: here
            contexts: [{name: here, context: {cluster: near, user: me, namespace: mine}}]
            clusters: [{name: near, cluster: {server: "{{{server}}}"{{{cluster}}}}}]
            users: [{name: me, user: {{{user}}}}]
            """
        );
        return path;
    }
}
