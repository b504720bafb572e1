using System.Threading.Channels;

namespace Hostdev.Sandbox.ApiServer.Storage;

/// <summary>One watch on the store.</summary>
internal sealed class StoreWatch(Channel<StoreEvent> channel, Action end, Action bookmark) : IDisposable
{
    public ChannelReader<StoreEvent> Events => channel.Reader;

    /// <summary>Puts a bookmark behind everything that is on its way.</summary>
    public void RequestBookmark() => bookmark();

    public void Dispose() => end();
}
