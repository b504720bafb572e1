using System.Globalization;
using System.Text;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Tests.Kubelet;
using Xunit;
using PluginApi = Hostdev.DevicePlugin.Kubelet.Protos.DevicePlugin;

namespace Hostdev.Tests.Hostile;

/// <summary>What a peer of a plugin's socket may send: a call is answered, or refused in the words of gRPC or of HTTP/2.</summary>
public sealed class HostileFrameTests
{
    private const int MostMegabytesMore = 32;

    private static readonly byte[] s_preface = [.. RawHttp2.Preface.Take(24)];

    private static readonly byte[] s_nothing = new byte[20_000]; // longer than a frame may be

    [Fact]
    public async Task Whatever_frames_come_each_connection_is_answered_and_ends_and_the_server_lives_on()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("hd").FullName, "plugin.sock");
        var (log, resource) = (new LogLines(), ResourceName.Parse("example.com/gpu"));
        var timings = new KubeletTimings();
        var listing = new DeviceListing(
            resource,
            new Holdings(),
            new ListedDevices(ListedIds.None),
            timings.ListPolicy,
            TimeProvider.System
        );
        listing.Want([new AdvertisedDevice("a", true, 0), new AdvertisedDevice("b", true, 0)]);
        await using var server = await DevicePluginServer.StartAsync(
            path,
            resource,
            listing,
            new ScriptedAllocator { Holdings = new Holdings() },
            timings,
            TimeProvider.System,
            new Signal(),
            _ => true,
            log,
            TestContext.Current.CancellationToken
        );
        Send(path, 0); // what is loaded once is loaded
        var before = GC.GetTotalMemory(forceFullCollection: true);

        HostileRun.Over("frames", seed => Send(path, seed));

        var more = (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)(1 << 20);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{more:0.0} MiB more are held"));
        Assert.True(more < MostMegabytesMore, $"{more} MiB more are held");
        Assert.Empty(log.Warnings); // none was a bug's
        using var channel = SocketChannel.To(path);
        var options = await new PluginApi.DevicePluginClient(channel).GetDevicePluginOptionsAsync(new Empty());
        Assert.True(options.PreStartRequired);
    }

    /// <summary>True when nothing of it was answered as a call that went well.</summary>
    private static bool Send(string path, int seed)
    {
        // The ends of those before may not have come to the server's count yet: then there is no place, and not a byte is said.
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            if (TrySend(path, seed) is { } isRefused)
                return isRefused;
            Thread.Sleep(1);
        }

        throw new InvalidOperationException("it ended without a word");
    }

    /// <summary>Null when there was no place for it.</summary>
    private static bool? TrySend(string path, int seed)
    {
        using var peer = new RawHttp2(path);
        var frames = new HostileFrames(seed);
        var bytes = frames.Bytes();
        peer.TrySend(bytes);
        var said = new List<RawFrame>();
        // What is well-formed is answered, and of the rest what comes at once; then a frame that is cut short gets its length, and none of
        // it is one: the connection's end must come.
        if (frames.IsWellFormed)
            said.AddRange(peer.Read(f => f.Stream != 0 && (f.Type == RawHttp2.Reset || (f.Flags & RawHttp2.EndStream) != 0)));
        else if (peer.Speaks(TimeSpan.FromMilliseconds(1)))
            said.AddRange(peer.Read(f => f.Type is not (RawHttp2.Settings or RawHttp2.WindowUpdate) || f.Flags != 0));
        peer.TrySend(s_nothing);
        said.AddRange(peer.Read());
        if (said.Count == 0) // what does not begin as HTTP/2 does may be taken for TLS, and gets no word of HTTP/2
            return bytes.AsSpan().StartsWith(s_preface) ? null : true;
        Assert.True(
            said.Any(f => f.Error is not null || f.Type == RawHttp2.Headers),
            $"it ended without a word: {string.Join(", ", said)}"
        );
        var statuses = said.Where(f => f.Type == RawHttp2.Headers).Select(f => Encoding.Latin1.GetString(f.Payload)).ToList();
        foreach (var block in statuses)
        {
            if (Value(block, "grpc-status") is { } status and not "0")
                Assert.True(
                    Value(block, "grpc-message") is { } words && words is not ("" or "Exception was thrown by handler."),
                    $"status {status} without words"
                );
        }

        return !statuses.Any(b => Value(b, "grpc-status") == "0");
    }

    /// <summary>Of a header that Kestrel writes out with its name, as it does the first time; null when it is not there.</summary>
    private static string? Value(string block, string name)
    {
        var at = block.IndexOf(name, StringComparison.Ordinal);
        if (at < 0)
            return null;
        var length = block[at + name.Length];
        return block.Substring(at + name.Length + 1, Math.Min(length, block.Length - at - name.Length - 1));
    }
}
