using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.KubeConfigModels;

namespace Hostdev.Kube.Client;

/// <summary>A program that is run to get a credential: <c>users[].user.exec</c> of a kubeconfig.</summary>
/// <param name="Where">File and field, for messages.</param>
/// <param name="Info">What it is told in <c>KUBERNETES_EXEC_INFO</c>.</param>
internal sealed record ExecPlugin(
    string Where,
    string ApiVersion,
    string Command,
    ImmutableArray<string> Arguments,
    ImmutableArray<KeyValuePair<string, string>> Environment,
    string Folder,
    string? InstallHint,
    string Info
)
{
    /// <summary>In characters: a certificate chain and a token are a few thousand.</summary>
    private const int LongestAnswer = 256 * 1024;

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(1);

    public static ExecPlugin Read(ConfigValue exec, Uri server, ConfigValue cluster)
    {
        var version = exec.Required("apiVersion");
        if (version is not ("client.authentication.k8s.io/v1" or "client.authentication.k8s.io/v1beta1"))
            throw exec.Wrong(
                "apiVersion",
                $"is \"{version}\": client.authentication.k8s.io/v1 and v1beta1 are supported; update the plugin"
            );
        var mode = exec.Text("interactiveMode");
        if (mode is null && version.EndsWith("/v1", StringComparison.Ordinal))
            throw exec.Wrong("interactiveMode", "is missing: write Never or IfAvailable");
        if (mode is "Always")
            throw exec.Wrong(
                "interactiveMode",
                "is Always: nobody is here to answer. Use a plugin that needs no terminal, a token or a client certificate"
            );
        if (mode is not (null or "Never" or "IfAvailable"))
            throw exec.Wrong("interactiveMode", "must be Never, IfAvailable or Always");
        var command = exec.Required("command");
        // A path is meant from the kubeconfig's folder, a plain name from PATH.
        if (command.Contains('/', StringComparison.Ordinal))
            command = Path.Combine(exec.Folder, command);
        return new ExecPlugin(
            exec.Where("command"),
            version,
            command,
            [.. exec.Texts("args")],
            [.. exec.Items("env").Select(e => KeyValuePair.Create(e.Required("name"), e.Text("value") ?? ""))],
            exec.Folder,
            exec.Text("installHint"),
            Describe(version, exec.Flag("provideClusterInfo") ? ClusterInfo(server, cluster) : null)
        );
    }

    /// <summary>Runs it once.</summary>
    /// <exception cref="KubeConfigurationException">It cannot be started, fails, takes longer than a minute, or answers something
    /// else.</exception>
    public async Task<ExecCredentialResponse.ExecStatus> RunAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_patience, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        using var process = Start();
        try
        {
            // What it says on standard error is read, so that it cannot block, and not shown: nobody knows what stands in it.
            var errors = DrainAsync(process.StandardError, ended.Token);
            var answer = await ReadAsync(process.StandardOutput, ended.Token).ConfigureAwait(false);
            await errors.ConfigureAwait(false);
            await process.WaitForExitAsync(ended.Token).ConfigureAwait(false);
            if (process.ExitCode != 0)
                throw Failed($"ended with exit code {process.ExitCode}: run it by hand to see why");
            return Parse(answer);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failed($"gave no credential within {_patience.TotalSeconds:0} s: run it by hand to see why");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    public override string ToString() => Where;

    private async Task<string> ReadAsync(StreamReader output, CancellationToken cancellationToken)
    {
        var buffer = new char[LongestAnswer + 1];
        var length = await output.ReadBlockAsync(buffer, cancellationToken).ConfigureAwait(false);
        return length <= LongestAnswer
            ? new string(buffer, 0, length)
            : throw Failed(
                $"answered with more than {LongestAnswer} characters, which no credential has: run it by hand to see what it says"
            );
    }

    private static async Task DrainAsync(StreamReader errors, CancellationToken cancellationToken)
    {
        var buffer = new char[4096];
        while (await errors.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) > 0)
        {
            // Passed over.
        }
    }

    private static JsonObject ClusterInfo(Uri server, ConfigValue cluster)
    {
        var info = new JsonObject { ["server"] = server.ToString().TrimEnd('/') };
        if (cluster.Text("tls-server-name") is { } name)
            info["tls-server-name"] = name;
        if (cluster.Flag("insecure-skip-tls-verify"))
            info["insecure-skip-tls-verify"] = true;
        if (cluster.Text("proxy-url") is { } proxy)
            info["proxy-url"] = proxy;
        var ca =
            cluster.Bytes("certificate-authority-data")
            ?? (cluster.FilePath("certificate-authority") is { } path ? File.ReadAllBytes(path) : null);
        if (ca is not null)
            info["certificate-authority-data"] = Convert.ToBase64String(ca);
        return info;
    }

    private static string Describe(string version, JsonObject? cluster)
    {
        var spec = new JsonObject { ["interactive"] = false };
        if (cluster is not null)
            spec["cluster"] = cluster;
        return new JsonObject
        {
            ["apiVersion"] = version,
            ["kind"] = "ExecCredential",
            ["spec"] = spec,
        }.ToJsonString();
    }

    private Process Start()
    {
        var start = new ProcessStartInfo(Command, Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var (name, value) in Environment)
            start.Environment[name] = value;
        start.Environment["KUBERNETES_EXEC_INFO"] = Info;
        try
        {
            var process = Process.Start(start)!;
            process.StandardInput.Close();
            return process;
        }
        catch (Win32Exception e)
        {
            throw Failed($"cannot be started: {e.Message}{(InstallHint is null ? "" : $". {InstallHint.Trim()}")}");
        }
    }

    private ExecCredentialResponse.ExecStatus Parse(string answer)
    {
        try
        {
            var credential = JsonSerializer.Deserialize(answer, KubeJsonContext.Default.ExecCredentialResponse);
            if (credential is not { Kind: "ExecCredential", Status: { } status })
                throw Failed("answered with no ExecCredential that has a status");
            if (credential.ApiVersion != ApiVersion)
                throw Failed($"answered in another version than {ApiVersion}: name in apiVersion the version that the plugin speaks");
            if (status is { Token: null or "", ClientCertificateData: null or "" })
                throw Failed("answered with neither token nor client certificate");
            if (string.IsNullOrEmpty(status.ClientCertificateData) != string.IsNullOrEmpty(status.ClientKeyData))
                throw Failed("answered with only one of client certificate and key");
            return status;
        }
        catch (JsonException)
        {
            throw Failed("answered with something that is no ExecCredential in JSON");
        }
    }

    private KubeConfigurationException Failed(string why) => new($"{Where}: {Command} {why}");
}
