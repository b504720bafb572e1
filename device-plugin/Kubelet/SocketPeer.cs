using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Hostdev.Kube.Meta;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// The process at the other end of a unix socket, as the kernel wrote it down (unix(7), SO_PEERCRED): of one that connected, at connect(2);
/// of one that is connected to, at listen(2). What happens to it afterwards changes nothing of it.
/// </summary>
/// <param name="Pid">In our PID namespace; 0 for a process that is in none that we see.</param>
public sealed record SocketPeer(int Pid, uint Uid)
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;
    private const int LongestName = 16; // TASK_COMM_LEN

    /// <exception cref="SocketException">The kernel does not say.</exception>
    public static SocketPeer Of(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[12]; // struct ucred: pid, uid, gid
        socket.GetRawSocketOption(SolSocket, SoPeerCred, credentials);
        return new SocketPeer(MemoryMarshal.Read<int>(credentials), MemoryMarshal.Read<uint>(credentials[4..]));
    }

    /// <summary>For a log: what the process calls itself is its own affair, and read once.</summary>
    public override string ToString() =>
        Pid == 0
            ? "a process of another PID namespace"
            : string.Create(CultureInfo.InvariantCulture, $"process {Pid} ({Name()}) of user {Uid}");

    private string Name()
    {
        try
        {
            var name = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{Pid}/comm")).TrimEnd('\n');
            return PrintableText.Of(name.Length > LongestName ? name[..LongestName] : name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "gone"; // it ended, or is another's to read
        }
    }
}
