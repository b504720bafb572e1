using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Listens, and hands on the connections that it is to. Any other is closed before the next one is accepted: those of a flood wait in the
/// kernel, and not in this process.
/// </summary>
internal sealed class GatedListenerFactory(IConnectionListenerFactory inner, Func<ConnectionContext, bool> admits)
    : IConnectionListenerFactory
{
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new Listener(await inner.BindAsync(endpoint, cancellationToken), admits);

    private sealed class Listener(IConnectionListener inner, Func<ConnectionContext, bool> admits) : IConnectionListener
    {
        public EndPoint EndPoint => inner.EndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (await inner.AcceptAsync(cancellationToken) is { } connection)
            {
                if (admits(connection))
                    return connection;
                connection.Abort();
                await connection.DisposeAsync();
            }

            return null;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => inner.UnbindAsync(cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
