using System.Text;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>The file by which clients find the server and say who they are.</summary>
internal static class Kubeconfig
{
    public static string Text(Uri server, string? authority, string token)
    {
        var ca = authority is null ? "" : $"\n    certificate-authority-data: {Convert.ToBase64String(Encoding.ASCII.GetBytes(authority))}";
        return $"""
                apiVersion: v1
                kind: Config
                clusters:
                - name: sandbox
                  cluster:
                    server: {server.ToString().TrimEnd('/')}
                """
            + ca
            + $"""

                users:
                - name: sandbox
                  user:
                    token: {token}
                contexts:
                - name: sandbox
                  context:
                    cluster: sandbox
                    user: sandbox
                current-context: sandbox

                """;
    }
}
