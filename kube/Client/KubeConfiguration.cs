using System.Net;

namespace Hostdev.Kube.Client;

/// <summary>Where the API server is, how it shows who it is, and how we do. Prints as the server's address alone.</summary>
public sealed class KubeConfiguration
{
    private const string ServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

    internal KubeConfiguration(Uri server, string ns) => (Server, Namespace) = (server, ns);

    /// <summary>Ends with a slash.</summary>
    public Uri Server { get; }

    /// <summary>That of our Pod, or of the kubeconfig's context; <c>default</c> where neither says.</summary>
    public string Namespace { get; }

    /// <summary>Null for the machine's own trust. Else the roots as they are now: the file may be renewed.</summary>
    internal Func<TrustedRoots>? Roots { get; init; }

    internal bool TrustAnyServer { get; init; }

    /// <summary>The name that the server's certificate must have, where it is not that of the address.</summary>
    internal string? ServerName { get; init; }

    /// <summary>Null for what the environment says (<c>HTTPS_PROXY</c>, <c>NO_PROXY</c>).</summary>
    internal IWebProxy? Proxy { get; init; }

    /// <summary>Past every proxy, whatever the environment says.</summary>
    internal bool IsDirect { get; init; }

    internal KubeCredential Credential { get; init; } = new FixedCredential(Identity.Anonymous);

    /// <summary>As a Pod: the service account's token, which the kubelet renews, and the cluster's CA.</summary>
    /// <param name="root">In place of <c>/</c>, for tests.</param>
    /// <exception cref="KubeConfigurationException">We are not in a Pod, or it has no service account token.</exception>
    public static KubeConfiguration InCluster(TimeProvider time, Func<string, string?> environment, string root = "/")
    {
        if (
            environment("KUBERNETES_SERVICE_HOST") is not { Length: > 0 } host
            || environment("KUBERNETES_SERVICE_PORT") is not { Length: > 0 } port
        )
            throw new KubeConfigurationException(
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no Pod. Name a kubeconfig "
                    + "with KUBECONFIG or --kubeconfig"
            );
        if (
            !Uri.TryCreate(
                $"https://{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}/",
                UriKind.Absolute,
                out var server
            )
        )
            throw new KubeConfigurationException(
                $"KUBERNETES_SERVICE_HOST \"{host}\" and KUBERNETES_SERVICE_PORT \"{port}\" make no address"
            );
        string File(string name) => Path.Join(root, ServiceAccount, name);
        const string Why = "service account (is automountServiceAccountToken false?)";
        var token = FileCredential.Token(File("token"), Why, time);
        var roots = new RereadFile<TrustedRoots>(File("ca.crt"), Why, pem => TrustedRoots.Parse(pem, File("ca.crt")), time);
        _ = (token.Read(), roots.Read());
        return new KubeConfiguration(server, ReadNamespace(File("namespace")))
        {
            Roots = () => roots.Read(),
            Credential = new FileCredential(token, _ => null),
            // The cluster's own network. A proxy for what is outside is often given to every Pod, with a NO_PROXY of address ranges, which
            // .NET does not know.
            IsDirect = true,
        };
    }

    /// <summary>As kubectl finds its way.</summary>
    /// <param name="paths">One file or several, separated as in <c>PATH</c>. Of a value that several have, the first counts; files that are
    /// not there are passed over when there are several.</param>
    /// <param name="context">Null for the files' <c>current-context</c>.</param>
    /// <exception cref="KubeConfigurationException">Something is missing or wrong: file, field and fix.</exception>
    public static KubeConfiguration FromKubeconfig(string paths, string? context, TimeProvider time) =>
        Kubeconfig.Read(paths).Resolve(context, time);

    /// <summary>The kubeconfig named by the argument or by <c>KUBECONFIG</c>; else in-cluster; else <c>~/.kube/config</c>.</summary>
    public static KubeConfiguration Find(string? kubeconfig, string? context, TimeProvider time, Func<string, string?> environment)
    {
        if ((kubeconfig ?? environment("KUBECONFIG")) is { Length: > 0 } paths)
            return FromKubeconfig(paths, context, time);
        var home = Path.Join(environment("HOME"), ".kube", "config");
        return environment("KUBERNETES_SERVICE_HOST") is { Length: > 0 } || !File.Exists(home)
            ? InCluster(time, environment)
            : FromKubeconfig(home, context, time);
    }

    public override string ToString() => Server.ToString();

    private static string ReadNamespace(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim() is { Length: > 0 } ns ? ns : "default";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "default";
        }
    }
}
