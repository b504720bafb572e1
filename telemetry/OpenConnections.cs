using Microsoft.AspNetCore.Connections;

namespace Hostdev.Telemetry;

/// <summary>
/// The connections of one server, of which there are at most so many: a further one ends the one that has been there longest. So nobody who
/// keeps connections keeps others out, as a limit alone would let him, and a kubelet's probe is answered. Thread-safe.
/// </summary>
internal sealed class OpenConnections(int most)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<(ConnectionContext Connection, TaskCompletionSource Ended)> _open = [];

    public async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        (ConnectionContext Connection, TaskCompletionSource Ended)? longest = null;
        LinkedListNode<(ConnectionContext, TaskCompletionSource)> mine;
        lock (_gate)
        {
            mine = _open.AddLast((connection, ended));
            if (_open.Count > most)
            {
                longest = _open.First!.Value;
                _open.RemoveFirst();
            }
        }

        try
        {
            if (longest is { } other)
            {
                other.Connection.Abort(new ConnectionAbortedException("too many connections"));
                await other.Ended.Task.ConfigureAwait(false); // what it had is free before more is taken
            }

            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                if (mine.List is not null)
                    _open.Remove(mine);
            }

            ended.SetResult();
        }
    }
}
