using Hostdev.Sandbox.ApiServer;
using Xunit;

namespace Hostdev.Tests.Sandbox.ApiServer;

/// <summary>A simulated API server that knows Widgets, and one who talks to it.</summary>
public abstract class WidgetTests(ApiServerOptions? options = null) : IAsyncLifetime
{
    private Peer? _peer;

    private protected SimulatedApiServer Server { get; } = new(options ?? new ApiServerOptions());

    private protected Peer Client => _peer!;

    public async ValueTask InitializeAsync()
    {
        await Server.StartAsync();
        await Peer.DefineWidgetsAsync(Server);
        _peer = new Peer(Server);
    }

    public async ValueTask DisposeAsync()
    {
        _peer?.Dispose();
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
