using System.Net.Sockets;

namespace Hostdev.Sandbox.Demo;

/// <summary>
/// Beside a running demo's kubeconfig: takes a line for each connection, <c>VERB NODE DEVICE</c>, and answers with <c>ok</c> or
/// <c>error</c> and a sentence.
/// </summary>
internal sealed class SlotServer : IAsyncDisposable
{
    private const string FileName = "slots.sock";
    private const string Ok = "ok ";
    private const string Error = "error ";

    private readonly CancellationTokenSource _end = new();
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Slots _slots;
    private readonly Task _serving;

    /// <param name="directory">Of the kubeconfig.</param>
    public SlotServer(string directory, Slots slots)
    {
        _slots = slots;
        _socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(directory, FileName)));
        _socket.Listen();
        _serving = Task.Run(ServeAsync);
    }

    /// <summary>Asks the demo whose kubeconfig this is.</summary>
    /// <exception cref="SocketException">No demo runs there.</exception>
    public static async Task<SlotAnswer> AskAsync(
        string kubeconfig,
        string verb,
        string node,
        string device,
        CancellationToken cancellationToken
    )
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(kubeconfig))!, FileName);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
        await using var stream = new NetworkStream(socket);
        await using var writer = new StreamWriter(stream) { AutoFlush = true };
        using var reader = new StreamReader(stream);
        await writer.WriteLineAsync($"{verb} {node} {device}".AsMemory(), cancellationToken);
        var line = await reader.ReadLineAsync(cancellationToken) ?? $"{Error}the demo has ended";
        return line.StartsWith(Ok, StringComparison.Ordinal) ? new(true, line[Ok.Length..]) : new(false, line[Error.Length..]);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _socket.Dispose();
        _end.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            using var connection = await _socket.AcceptAsync(_end.Token);
            try
            {
                await AnswerAsync(connection);
            }
            catch (IOException)
            {
                // Who asked has gone.
            }
        }
    }

    private async Task AnswerAsync(Socket connection)
    {
        await using var stream = new NetworkStream(connection);
        using var reader = new StreamReader(stream);
        await using var writer = new StreamWriter(stream) { AutoFlush = true };
        var answer = (await reader.ReadLineAsync(_end.Token))?.Split(' ') switch
        {
            ["unplug", var node, var device] => _slots.Unplug(node, device),
            ["plug", var node, var device] => _slots.Plug(node, device),
            _ => new SlotAnswer(false, "a line is VERB NODE DEVICE, and a verb is unplug or plug"),
        };
        await writer.WriteLineAsync($"{(answer.IsDone ? Ok : Error)}{answer.Text}".AsMemory(), _end.Token);
    }
}
