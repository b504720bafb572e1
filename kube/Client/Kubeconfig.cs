using System.Collections.Immutable;
using System.Net;

namespace Hostdev.Kube.Client;

/// <summary>
/// Kubeconfig files, merged as kubectl merges them (client-go <c>clientcmd.ClientConfigLoadingRules</c>): of each cluster, user, context
/// and of <c>current-context</c>, the first file that has it counts whole.
/// </summary>
internal sealed class Kubeconfig
{
    private readonly Dictionary<(string List, string Name), ConfigValue> _entries = [];
    private readonly string _paths;
    private string? _currentContext;

    private Kubeconfig(string paths) => _paths = paths;

    public static Kubeconfig Read(string paths)
    {
        var files = paths.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        var result = new Kubeconfig(string.Join(", ", files));
        var there = files.Length > 1 ? [.. files.Where(File.Exists)] : files;
        if (there.Length == 0)
            throw new KubeConfigurationException($"kubeconfig {paths}: none of these files is there. Correct KUBECONFIG or --kubeconfig");
        foreach (var file in there)
            result.Add(ConfigValue.Load(file));
        return result;
    }

    public KubeConfiguration Resolve(string? context, TimeProvider time)
    {
        var name =
            context
            ?? _currentContext
            ?? throw new KubeConfigurationException(
                $"kubeconfig {_paths}: current-context is not set. Set it (kubectl config use-context NAME) or name a "
                    + $"context; there are: {Names("contexts")}"
            );
        var chosen = Find("contexts", name, "context", context is null ? "current-context" : "the context asked for");
        var cluster = Find("clusters", chosen.Required("cluster"), "cluster", $"context {name}");
        var user = chosen.Text("user") is { } userName ? Find("users", userName, "user", $"context {name}") : null;
        var server = Server(cluster);
        var skip = cluster.Flag("insecure-skip-tls-verify");
        var roots = Roots(cluster, time);
        if (skip && roots is not null)
            throw cluster.Wrong("insecure-skip-tls-verify", "must not be true where a certificate-authority is named: remove one of them");
        return new KubeConfiguration(server, chosen.Text("namespace") ?? "default")
        {
            Roots = roots,
            TrustAnyServer = skip,
            ServerName = cluster.Text("tls-server-name"),
            Proxy = Proxy(cluster),
            Credential = user is null ? new FixedCredential(Identity.Anonymous) : Credential(user, server, cluster, time),
        };
    }

    private static Uri Server(ConfigValue cluster)
    {
        var text = cluster.Required("server");
        var address = text.Contains("://", StringComparison.Ordinal) ? text : $"https://{text}";
        return
            Uri.TryCreate(address.EndsWith('/') ? address : address + "/", UriKind.Absolute, out var server)
            && server.Scheme is "http" or "https"
            ? server
            : throw cluster.Wrong("server", $"\"{text}\" is no address: write for example https://10.0.0.1:6443");
    }

    private static WebProxy? Proxy(ConfigValue cluster)
    {
        if (cluster.Text("proxy-url") is not { } text)
            return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var proxy) && proxy.Scheme is "http" or "https" or "socks5"
            ? WebProxy(proxy)
            : throw cluster.Wrong("proxy-url", "is no address of a proxy: write http://, https:// or socks5:// with host and port");
    }

    /// <summary>
    /// Who we are to the proxy stands in its address, as curl and kubectl take it; .NET takes it apart from it only, and shows the address
    /// in its errors.
    /// </summary>
    private static WebProxy WebProxy(Uri address)
    {
        var proxy = new WebProxy(new UriBuilder(address) { UserName = "", Password = "" }.Uri);
        if (address.UserInfo.Split(':', 2) is [{ Length: > 0 } name, ..] parts)
            proxy.Credentials = new NetworkCredential(
                Uri.UnescapeDataString(name),
                Uri.UnescapeDataString(parts.Length > 1 ? parts[1] : "")
            );
        return proxy;
    }

    private static Func<TrustedRoots>? Roots(ConfigValue cluster, TimeProvider time)
    {
        if (cluster.Bytes("certificate-authority-data") is { } data)
        {
            var roots = TrustedRoots.Parse(data, cluster.Where("certificate-authority-data"));
            return () => roots;
        }

        if (cluster.FilePath("certificate-authority") is not { } path)
            return null;
        var file = new RereadFile<TrustedRoots>(path, cluster.Where("certificate-authority"), pem => TrustedRoots.Parse(pem, path), time);
        _ = file.Read();
        return () => file.Read();
    }

    private static KubeCredential Credential(ConfigValue user, Uri server, ConfigValue cluster, TimeProvider time)
    {
        foreach (var old in new[] { "auth-provider" }.Where(f => user.Map(f) is not null))
            throw user.Wrong(old, "is of old versions and not supported: use exec with the provider's plugin");
        if (user.Map("exec") is { } exec)
            return new ExecCredentialSource(ExecPlugin.Read(exec, server, cluster), time);
        if (user.Text("username") is { } username)
            return FixedCredential.Basic(username, user.Text("password") ?? "");
        // A token beside a tokenFile is what the file had when it was written: the file counts (client-go).
        var tokenFile = user.FilePath("tokenFile") is { } path ? FileCredential.Token(path, user.Where("tokenFile"), time) : null;
        var token = tokenFile is null && user.Text("token") is { } text ? FileCredential.Bearer(text.Trim(), user.Where("token")) : null;
        _ = tokenFile?.Read();
        var certificate = Certificate(user, time);
        var first = certificate(false);
        return token is not null && first is null ? new FixedCredential(new Identity(token, null))
            : token is null ? new FileCredential(tokenFile, certificate)
            : new FixedCredential(new Identity(token, first));
    }

    private static Func<bool, ClientCertificate?> Certificate(ConfigValue user, TimeProvider time)
    {
        var (data, file) = (user.Bytes("client-certificate-data"), user.FilePath("client-certificate"));
        var (keyData, keyFile) = (user.Bytes("client-key-data"), user.FilePath("client-key"));
        if (data is null && file is null && keyData is null && keyFile is null)
            return _ => null;
        if (data is null && file is null)
            throw user.Wrong("client-certificate", "is missing beside client-key");
        if (keyData is null && keyFile is null)
            throw user.Wrong("client-key", "is missing beside client-certificate");
        var where = user.Where("client-certificate");
        var certificates = data is null ? new RereadFile<byte[]>(file!, where, b => b, time) : null;
        var keys = keyData is null ? new RereadFile<byte[]>(keyFile!, user.Where("client-key"), b => b, time) : null;
        var last = (Certificate: (byte[]?)null, Key: (byte[]?)null, Parsed: (ClientCertificate?)null);
        return now =>
        {
            var (c, k) = (data ?? certificates!.Read(now), keyData ?? keys!.Read(now));
            if (!ReferenceEquals(c, last.Certificate) || !ReferenceEquals(k, last.Key))
            {
                try
                {
                    last = (c, k, ClientCertificate.Parse(c, k, where));
                }
                catch (KubeConfigurationException) when (last.Parsed is not null)
                {
                    // One of the two is renewed and the other not yet: the pair that fits stays.
                }
            }

            return last.Parsed;
        };
    }

    private void Add(ConfigValue file)
    {
        _currentContext ??= file.Text("current-context");
        foreach (var list in new[] { "clusters", "users", "contexts" })
        {
            foreach (var entry in file.Items(list))
            {
                // "name: x" alone is legal: a cluster, user or context with nothing in it.
                if (entry.Text("name") is { } name)
                    _entries.TryAdd((list, name), entry.Map(list[..^1]) ?? entry);
            }
        }
    }

    private ConfigValue Find(string list, string name, string what, string asker) =>
        _entries.TryGetValue((list, name), out var entry)
            ? entry
            : throw new KubeConfigurationException(
                $"kubeconfig {_paths}: {asker} names the {what} \"{name}\", which is not in {list}; there are: {Names(list)}"
            );

    private string Names(string list) =>
        _entries.Keys.Where(k => k.List == list).Select(k => k.Name).Order(StringComparer.Ordinal).ToImmutableArray()
            is { Length: > 0 } names
            ? string.Join(", ", names)
            : "none";
}
