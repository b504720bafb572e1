using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Admission;
using Hostdev.Sandbox.ApiServer.Controllers;
using Hostdev.Sandbox.ApiServer.Faults;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Serving;
using Hostdev.Sandbox.ApiServer.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Hostdev.Sandbox.ApiServer;

/// <summary>
/// A Kubernetes API server in this process, which behaves as the real one (1.30 to 1.36) where operators, agents and kubectl can see it. It
/// evaluates the admission policies that are stored; the CEL of CRDs it does not: rules of that kind come in as <see cref="SchemaRules"/>.
/// What it stores stays over <see cref="StopAsync"/> and <see cref="StartAsync"/>, as etcd stays when an API server is restarted.
/// </summary>
public sealed class SimulatedApiServer : IAsyncDisposable
{
    private readonly ApiServerOptions _options;
    private readonly ObjectStore _store;
    private readonly ResourceRegistry _registry;
    private readonly Authentication _authentication = new();
    private readonly RequestPipeline _pipeline;
    private readonly ClusterControllers _controllers;
    private readonly ServingCertificates? _certificates;
    private readonly ClusterObjects _objects;
    private ImmutableArray<SchemaRules> _schemaRules = [];
    private ImmutableArray<AdmissionRule> _admissionRules = [];
    private CancellationTokenSource _away = new();
    private WebApplication? _app;
    private int _port;

    public SimulatedApiServer(ApiServerOptions? options = null)
    {
        _options = options ?? new ApiServerOptions();
        _port = _options.Port;
        _store = new ObjectStore(_options.HistoryWindow);
        _registry = new ResourceRegistry(_store);
        _certificates = _options.Https ? new ServingCertificates(_options.Time.GetUtcNow()) : null;
        var access = _options.Rbac ? new RoleBasedAccess(_store) : null;
        var policies = new AdmissionPolicies(_store, _registry, access);
        _admissionRules = access is null ? [policies.Ask] : [OwnerReferenceAdmission.Rule(access), policies.Ask];
        var writes = new ObjectWrites(_store, _options.Time, () => _schemaRules, () => _admissionRules);
        var deletes = new ObjectDeletes(_store, _options.Time, writes);
        var logs = new PodLogRequests(_store, Logs, _options.Time);
        var reviews = new AccessReviews(_authentication, access);
        var resources = new ResourceRequests(_store, _registry, writes, deletes, reviews, logs, access, _options.Time);
        _pipeline = new RequestPipeline(
            _authentication,
            access,
            Faults,
            resources,
            new ServerDocuments(_registry, _options.Version),
            Requests,
            _options.Time
        );
        _objects = new ClusterObjects(_store, _registry, writes, deletes);
        _controllers = new ClusterControllers(_store, _registry, _options.Time, _objects) { Seen = () => Changed?.Invoke() };
        AdminToken = AddUser(new ApiUser("kubernetes-admin", [ApiUser.Masters]));
        ClusterBootstrap.Create(_objects);
    }

    /// <summary>Where it serves; known once it was started.</summary>
    public Uri Address => new($"{(_options.Https ? "https" : "http")}://127.0.0.1:{_port}");

    /// <summary>Of a user who may do everything.</summary>
    public string AdminToken { get; }

    /// <summary>Every request since the beginning.</summary>
    public RequestLog Requests { get; } = new();

    public FaultScript Faults { get; } = new();

    /// <summary>
    /// After something was stored, and the cluster's own controllers have seen it: for who plays further ones. The handler notes it down
    /// and returns.
    /// </summary>
    internal event Action? Changed;

    /// <summary>Of containers that somebody runs.</summary>
    internal PodLogs Logs { get; } = new();

    /// <summary>The newest revision: whatever was written has this one or an older one.</summary>
    public long Revision => _store.Revision;

    /// <summary>The CA of its certificate, PEM; null without HTTPS.</summary>
    public string? CertificateAuthority => _certificates?.Authority;

    /// <summary>What is stored, without a request: it stands in no record and meets no fault, no role and no admission rule.</summary>
    public IClusterObjects Objects => _objects;

    /// <summary>Takes an object away without a time of grace, as a kubelet does when a Pod has ended. False when there was none.</summary>
    internal bool DeleteNow(string resource, string name, string ns) => _objects.DeleteNow(resource, name, ns);

    /// <summary>The user's token.</summary>
    public string AddUser(ApiUser user)
    {
        var token = $"{user.Name.Replace(':', '-')}.{Guid.NewGuid():N}";
        _authentication.Add(token, user);
        return token;
    }

    /// <summary>From now on the token is unknown: 401, as for one that expired.</summary>
    public void RevokeToken(string token) => _authentication.Revoke(token);

    /// <summary>A client certificate and its key, PEM, signed by the server's CA.</summary>
    /// <exception cref="InvalidOperationException">The server has no HTTPS.</exception>
    public (string Certificate, string Key) IssueCertificate(ApiUser user) =>
        (_certificates ?? throw new InvalidOperationException("client certificates need ApiServerOptions.Https")).Issue(user);

    /// <summary>What a real server evaluates as <c>x-kubernetes-validations</c>: a part of the validation of custom resources.</summary>
    public void AddSchemaRules(SchemaRules rules) => ImmutableInterlocked.Update(ref _schemaRules, r => r.Add(rules));

    /// <summary>Asked before every write, in the order in which they were added, after the policies that are stored.</summary>
    public void AddAdmissionRule(AdmissionRule rule) => ImmutableInterlocked.Update(ref _admissionRules, r => r.Add(rule));

    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (_app is not null)
            throw new InvalidOperationException("the API server is started already");
        _away = new CancellationTokenSource();
        _controllers.Start();
        // No settings from files: whoever looks for them watches all below the working directory.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.Zero);
        builder
            .WebHost.UseKestrelCore()
            .UseKestrelHttpsConfiguration()
            .ConfigureKestrel(kestrel =>
            {
                kestrel.AddServerHeader = false;
                kestrel.Limits.MinRequestBodyDataRate = kestrel.Limits.MinResponseDataRate = null;
                kestrel.Listen(IPAddress.Loopback, _port, Listen);
            });
        var app = builder.Build();
        app.Run(context => _pipeline.RunAsync(context, _away.Token));
        await app.StartAsync(cancellationToken);
        _port = new Uri(app.Urls.Single()).Port;
        _app = app;
    }

    /// <summary>The server goes away as by a power cut: connections break, new ones are refused. What was stored stays.</summary>
    public async Task StopAsync()
    {
        if (_app is not { } app)
            return;
        _app = null;
        await _away.CancelAsync();
        await app.StopAsync(new CancellationToken(canceled: true));
        await app.DisposeAsync();
        await _controllers.StopAsync();
        _away.Dispose();
    }

    /// <summary>Breaks every connection on which something is under way: watches above all. New ones are welcome.</summary>
    public void CutConnections()
    {
        var before = Interlocked.Exchange(ref _away, new CancellationTokenSource());
        before.Cancel();
        before.Dispose();
    }

    /// <summary>The history up to now is forgotten: watches that resume and lists that go on meet 410.</summary>
    public void CompactHistory() => _store.Compact();

    /// <summary>
    /// Waits until the cluster's own controllers have dealt with everything up to now: definitions, namespaces that end, objects whose
    /// owners are gone. They work while the server is started.
    /// </summary>
    public Task SettleAsync(CancellationToken cancellationToken = default) => _controllers.SettleAsync(cancellationToken);

    /// <summary>A client that trusts the server's certificate and shows a token with every request.</summary>
    /// <param name="token">The admin's when null; empty for none.</param>
    /// <param name="certificate">A client certificate with its key; null for none.</param>
    public HttpClient CreateClient(string? token = null, X509Certificate2? certificate = null)
    {
        var handler = new SocketsHttpHandler();
        if (certificate is not null)
            handler.SslOptions.ClientCertificates = [certificate];
        if (_certificates is { } certificates)
            handler.SslOptions.RemoteCertificateValidationCallback = (_, server, _, _) =>
                server is X509Certificate2 shown && certificates.Issued(shown);
        var client = new HttpClient(handler) { BaseAddress = Address, Timeout = Timeout.InfiniteTimeSpan };
        if (token != "")
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token ?? AdminToken);
        return client;
    }

    /// <summary>A kubeconfig's text for the user of a token.</summary>
    public string Kubeconfig(string token) => Serving.Kubeconfig.Text(Address, CertificateAuthority, token);

    /// <summary>Writes a kubeconfig that only its owner can read.</summary>
    public void WriteKubeconfig(string path, string? token = null)
    {
        File.Delete(path); // a mode is given to new files only
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var file = new StreamWriter(path, options);
        file.Write(Kubeconfig(token ?? AdminToken));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _certificates?.Dispose();
    }

    private void Listen(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http1;
        if (_certificates is not { } certificates)
            return;
        listen.UseHttps(
            new HttpsConnectionAdapterOptions
            {
                ServerCertificate = certificates.Server,
                ClientCertificateMode = ClientCertificateMode.AllowCertificate,
                ClientCertificateValidation = (certificate, _, _) => certificates.Issued(certificate),
            }
        );
    }
}
