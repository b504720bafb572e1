using Hostdev.Kube.Client;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Kube;

/// <summary>Credential plugins, as real programs.</summary>
public sealed class ExecPluginTests : IAsyncLifetime
{
    private const string Exec =
        "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: ./plugin, args: "
        + "[one, two words], env: [{name: REGION, value: north}], provideClusterInfo: true}}";

    private readonly FakeTime _time = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("hostdev-exec").FullName;
    private FakeApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await FakeApiServer.StartWithTlsAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_plugin_is_told_what_it_needs_and_run_once_until_its_credential_expires()
    {
        Plugin(
            """
            n=$(($(cat runs 2>/dev/null || echo 0) + 1)); echo $n > runs
            echo "$*|$REGION|$KUBERNETES_EXEC_INFO" > told
            echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
            echo '"status":{"token":"token-'$n'","expirationTimestamp":"2026-01-02T13:00:00Z"}}'
            """
        );
        using var client = Client();
        await ListAsync(client);
        await ListAsync(client);
        _time.Advance(TimeSpan.FromMinutes(61));
        await ListAsync(client);
        Assert.Equal(["Bearer token-1", "Bearer token-1", "Bearer token-2"], _server.Requests.Select(r => r.Authorization));
        Assert.Equal(
            (
                """one two words|north|{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":"""
                + """{"interactive":false,"cluster":{"server":"SERVER","insecure-skip-tls-verify":true}}}"""
            ).Replace("SERVER", _server.Address.ToString().TrimEnd('/'), StringComparison.Ordinal),
            File.ReadAllText(Path.Combine(_folder, "told")).Trim()
        );
    }

    [Fact]
    public async Task A_credential_that_is_refused_is_asked_for_anew_by_one_caller_for_all()
    {
        Plugin(
            """
            n=$(($(cat runs 2>/dev/null || echo 0) + 1)); echo $n > runs
            echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"token-'$n'"}}'
            """
        );
        using var client = Client();
        _server.Refuse(r => r.Authorization == "Bearer token-1", 401, "Unauthorized", times: 100);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ListAsync(client)));
        Assert.Equal("2", File.ReadAllText(Path.Combine(_folder, "runs")).Trim());
    }

    [Theory]
    [InlineData("echo secret-token >&2; exit 3", "ended with exit code 3: run it by hand to see why")]
    [InlineData(
        "head -c 300000 /dev/zero | tr '\\0' x",
        "answered with more than 262144 characters, which no credential has: run it by hand to see what it says"
    )]
    [InlineData("echo secret-token", "answered with something that is no ExecCredential in JSON")]
    [InlineData(
        """echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"secret-token"}}'""",
        "answered in another version than client.authentication.k8s.io/v1: name in apiVersion the version that the plugin speaks"
    )]
    [InlineData(
        """echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{}}'""",
        "answered with neither token nor client certificate"
    )]
    [InlineData(
        """echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":"""
            + """{"clientCertificateData":"x","clientKeyData":"secret-token"}}'""",
        "the client certificate and its key cannot be read"
    )]
    public async Task A_plugin_that_fails_is_named_and_nothing_of_what_it_said_is_shown(string script, string words)
    {
        Plugin(script);
        using var client = Client();
        var e = await Assert.ThrowsAsync<KubeConfigurationException>(() => ListAsync(client));
        Assert.Contains("users[me].user.exec.command", e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-token", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_that_does_not_answer_is_ended()
    {
        Plugin("echo $$ > pid; exec sleep 1000");
        using var client = Client();
        var list = ListAsync(client);
        await Waiting.UntilAsync(() =>
            File.Exists(Path.Combine(_folder, "pid")) && File.ReadAllText(Path.Combine(_folder, "pid")).EndsWith('\n') && _time.Waiting > 0
        );
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Contains(
            "gave no credential within 60 s",
            (await Assert.ThrowsAsync<KubeConfigurationException>(() => list)).Message,
            StringComparison.Ordinal
        );
        var process = $"/proc/{File.ReadAllText(Path.Combine(_folder, "pid")).Trim()}/cmdline";
        await Waiting.UntilAsync(() => HasEnded(process));
    }

    /// <summary>Whoever is not there any more, or a zombie; it may go while it is looked at.</summary>
    private static bool HasEnded(string commandLine)
    {
        try
        {
            return File.ReadAllText(commandLine).Length == 0;
        }
        catch (IOException)
        {
            return true;
        }
    }

    [Fact]
    public async Task A_plugin_that_is_not_installed_says_how_to_get_it()
    {
        using var client = Client(
            "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: hostdev-no-such-plugin, installHint: "
                + "Install it from the vendor.}}"
        );
        var e = await Assert.ThrowsAsync<KubeConfigurationException>(() => ListAsync(client));
        Assert.Contains("hostdev-no-such-plugin cannot be started", e.Message, StringComparison.Ordinal);
        Assert.EndsWith("Install it from the vendor.", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x}}",
        "users[me].user.exec.interactiveMode is missing: write Never or IfAvailable"
    )]
    [InlineData(
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}}",
        "users[me].user.exec.interactiveMode is Always: nobody is here to answer"
    )]
    [InlineData(
        "{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}",
        "users[me].user.exec.apiVersion is \"client.authentication.k8s.io/v1alpha1\""
    )]
    [InlineData("{exec: {apiVersion: client.authentication.k8s.io/v1beta1}}", "users[me].user.exec.command is missing")]
    public void A_plugin_that_cannot_work_here_is_refused_at_the_start(string user, string words)
    {
        var e = Assert.Throws<KubeConfigurationException>(() => Client(user));
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    private static Task ListAsync(KubeClient client) => client.ListAsync(Thing.Kind, Selection.Everything, default);

    private KubeClient Client(string user = Exec) =>
        new(
            KubeConfiguration.FromKubeconfig(Connection.Write(_folder, _server.Address, user, Connection.AnyServer), null, _time),
            "t/1",
            TimeProvider.System,
            NullLogger<KubeClient>.Instance
        );

    private void Plugin(string script)
    {
        var path = Path.Combine(_folder, "plugin");
        File.WriteAllText(path, $"#!/bin/sh\ncd \"$(dirname \"$0\")\"\n{script}\n");
        if (OperatingSystem.IsWindows())
            Assert.Skip("the plugin is a shell script");
        else
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
