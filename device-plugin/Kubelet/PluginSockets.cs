using System.Collections.Immutable;
using System.Net.Sockets;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>The sockets of other plugins in the kubelet's directory: the kubelet tells nobody which of them has which resource.</summary>
internal static class PluginSockets
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>File names, ordered; none when the directory cannot be read.</summary>
    public static ImmutableArray<string> Others(string directory)
    {
        try
        {
            return
            [
                .. Directory
                    .EnumerateFiles(directory, "*.sock")
                    .Select(p => Path.GetFileName(p))
                    .Where(n => n != KubeletApi.KubeletSocketName && !SocketNames.IsOurs(n))
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>
    /// Those on which somebody listens. They are connected to and nothing is said: a file whose process is gone refuses that.
    /// </summary>
    public static async Task<ImmutableArray<string>> AnsweringAsync(
        string directory,
        IEnumerable<string> fileNames,
        CancellationToken cancellationToken
    )
    {
        var answering = ImmutableArray.CreateBuilder<string>();
        foreach (var name in fileNames)
        {
            if (await AnswersAsync(Path.Combine(directory, name), cancellationToken))
                answering.Add(name);
        }

        return answering.ToImmutable();
    }

    private static async Task<bool> AnswersAsync(string path, CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(Patience);
        try
        {
            using var socket = await SocketChannel.ConnectAsync(path, late.Token);
            return true;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.WouldBlock; // so many wait there that no more may
        }
        catch (ArgumentException)
        {
            return false; // no address is that long
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return true;
        }
    }
}
