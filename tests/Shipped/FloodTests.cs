using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Hostdev.Sandbox.Cluster;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Kubelet;
using Xunit;
using PluginApi = Hostdev.DevicePlugin.Kubelet.Protos.DevicePlugin;

namespace Hostdev.Tests.Shipped;

/// <summary>Agent and operator as processes under what a peer on the node can send: how much more memory each takes, at the most.</summary>
[Trait(ShippedPrograms.Needs, ShippedPrograms.Published)] // what they take is theirs as they are shipped
public sealed class FloodTests
{
    private const double MostMegabytesMore = 32;
    private const string Edu = "0000:40:00.0";

    [Fact]
    public async Task An_operator_under_every_flood_of_its_port_takes_little_more_memory_and_answers()
    {
        await using var cluster = await SandboxCluster.StartAsync(SandboxDirectory.Create());
        var port = FreePort();
        await using var program = ProgramRun.Start(
            ShippedPrograms.Operator,
            "run",
            "--kubeconfig",
            cluster.Kubeconfig,
            "--namespace",
            SandboxCluster.SystemNamespace,
            "--listen",
            $"127.0.0.1:{port}"
        );
        await MonitoringFloodsAsync(program, program.Id, port);
    }

    [Fact]
    public async Task An_agent_under_every_flood_of_its_port_and_of_its_sockets_takes_little_more_memory_and_answers()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "root makes mount namespaces");
        var directory = Directory.CreateTempSubdirectory("hd-").FullName;
        await FloodAgentAsync(directory);
        Directory.Delete(directory, recursive: true);
    }

    private static async Task FloodAgentAsync(string directory)
    {
        using var kernel = new SimulatedKernel(
            new MachineDescription
            {
                Name = "flood",
                RootBuses = [new("0000:40", [Hardware.Edu(Edu, 0xe0000000)])],
                Drivers = Hardware.LabDrivers,
            }
        );
        Assert.True(kernel.Calls.WriteAttribute($"/sys/bus/pci/devices/{Edu}/driver_override", "vfio-pci").IsSuccess);
        Assert.True(kernel.Calls.WriteAttribute("/sys/bus/pci/drivers_probe", Edu).IsSuccess);
        using var room = OwnMachine.MakeRoom();
        var (desired, state, port) = (Path.Combine(directory, "desired.yaml"), Path.Combine(directory, "state"), FreePort());
        Directory.CreateDirectory(state);
        await File.WriteAllTextAsync(
            desired,
            $$"""
            policies:
            - kind: HostDevice
              name: edu
              spec: {resourceName: example.com/edu, nodeSelector: {}, devices: {pci: {selectors: [{addresses: ["{{Edu}}"]}]} } }

            """,
            TestContext.Current.CancellationToken
        );
        await using var kubelet = new SimulatedKubelet(
            Path.Combine(directory, "kubelet"),
            TimeProvider.System,
            Path.Combine(directory, "pods", "kubelet.sock")
        );
        await kubelet.StartAsync(TestContext.Current.CancellationToken);
        await using var program = ProgramRun.Start(
            OwnMachine.Program,
            OwnMachine.Arguments(
                kernel,
                ShippedPrograms.Agent,
                "--desired",
                desired,
                "--state-dir",
                state,
                "--kubelet-dir",
                kubelet.Directory,
                "--pod-resources",
                kubelet.PodResourcesSocket,
                "--listen",
                $"127.0.0.1:{port}"
            )
        );
        await Waiting.UntilAsync(() => kubelet.Allocatable("example.com/edu") == 1 || program.HasExited, 60, () => program.Said);
        Assert.False(program.HasExited, program.Said);
        var agent = ResidentMemory.ChildOf(program.Id);

        await MonitoringFloodsAsync(program, agent, port);
        // This process is in a PID namespace that the agent does not see, as its kubelet is: all of it reaches the server.
        var socket = Path.Combine(kubelet.Directory, "hostdev-example.com_edu.sock");
        using (var channel = SocketChannel.To(socket))
        {
            for (var i = 0; i < 200; i++) // what is loaded once is loaded
                await new PluginApi.DevicePluginClient(channel).GetDevicePluginOptionsAsync(new Empty());
        }

        await FloodsAsync(program, agent, [.. SocketFloods(socket)], () => kubelet.Allocatable("example.com/edu") == 1);
    }

    private static async Task MonitoringFloodsAsync(ProgramRun program, int process, int port)
    {
        using var http = new HttpClient { BaseAddress = new UriBuilder("http", "127.0.0.1", port).Uri, Timeout = TimeSpan.FromSeconds(20) };
        await Waiting.UntilAsync(
            async () => program.HasExited || await GetAsync(http, "/healthz") == "ok\n",
            60,
            () => Task.FromResult(program.Said)
        );
        for (var i = 0; i < 200; i++) // what is loaded once is loaded
            await GetAsync(http, "/metrics");
        await FloodsAsync(
            program,
            process,
            [
                ("connections that say nothing", () => ConnectAsync(port, 2_000, "")),
                (
                    "connections that begin a request",
                    () => ConnectAsync(port, 2_000, "GET /metrics HTTP/1.1\r\nX: " + new string('x', 4_000))
                ),
                ("headers without end", () => ConnectAsync(port, 200, "GET /healthz HTTP/1.1\r\n" + new string('x', 1 << 20))),
                (
                    "bodies without end",
                    () =>
                        ConnectAsync(port, 200, "POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunks(1 << 20))
                ),
                ("readers of metrics who read nothing", () => ConnectAsync(port, 500, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")),
                ("many requests in one piece", () => ConnectAsync(port, 200, Repeated("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 500))),
            ],
            () => GetAsync(http, "/healthz").GetAwaiter().GetResult() == "ok\n"
        );
    }

    /// <summary>What a process that is taken for the kubelet may do to a socket; any other is closed at once.</summary>
    private static IEnumerable<(string, Func<Task>)> SocketFloods(string path)
    {
        byte[] Call(string method, byte flags = 0) =>
            [.. RawHttp2.Preface, .. RawHttp2.Frame(RawHttp2.Headers, (byte)(RawHttp2.EndHeaders | flags), 1, RawHttp2.Call(method))];
        yield return ("connections to a socket", () => RawAsync(path, 2_000, []));
        yield return (
            "frames that carry nothing",
            () => RawAsync(path, 20, [.. Call("Allocate"), .. Many(RawHttp2.Frame(RawHttp2.Ping, 0, 0, new byte[8]), 50_000)])
        );
        yield return (
            "header blocks without end",
            () => RawAsync(path, 20, [.. Call("Allocate"), .. Many(RawHttp2.Frame(RawHttp2.Continuation, 0, 1, new byte[16_000]), 100)])
        );
        yield return (
            "requests that do not end",
            () =>
                RawAsync(
                    path,
                    100,
                    [
                        .. RawHttp2.Preface,
                        .. Enumerable
                            .Range(0, 100)
                            .SelectMany(i =>
                                (byte[])
                                    [
                                        .. RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndHeaders, (2 * i) + 1, RawHttp2.Call("Allocate")),
                                        .. RawHttp2.Frame(RawHttp2.Data, 0, (2 * i) + 1, [0, 0, 3, 0, 0, .. new byte[16_000]]),
                                    ]
                            ),
                    ]
                )
        );
        yield return (
            "requests of empty messages",
            () => RawAsync(path, 200, [.. Call("Allocate"), .. Body(RawHttp2.Message(Many([0x0a, 0], 65_000)))])
        );
        yield return (
            "requests over the limit",
            () => RawAsync(path, 200, [.. Call("Allocate"), .. Body(RawHttp2.Message(new byte[1 << 20]))])
        );
        yield return ("watchers who read nothing", () => RawAsync(path, 200, [.. Call("ListAndWatch"), .. Body(RawHttp2.Message([]))]));
    }

    private static async Task FloodsAsync(ProgramRun program, int process, (string What, Func<Task> Flood)[] floods, Func<bool> isWell)
    {
        var memory = new ResidentMemory(process);
        var rest = memory.Megabytes;
        foreach (var (what, flood) in floods)
        {
            memory.ForgetMost();
            await flood();
            var more = memory.MostMegabytes - rest;
            TestContext.Current.TestOutputHelper?.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{what}: {rest:0.0} MiB at rest, {more:0.0} more at the most")
            );
            Assert.False(program.HasExited, program.Said);
            Assert.True(more < MostMegabytesMore, $"{what}: {more} MiB more than {rest}");
            await Waiting.UntilAsync(isWell, 30, () => $"{what}: {program.Said}");
        }
    }

    /// <summary>So many connections that are kept; each sends, and reads nothing.</summary>
    private static async Task ConnectAsync(int port, int connections, string text)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        var kept = new List<Socket>();
        for (var i = 0; i < connections; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            kept.Add(socket);
            await socket.ConnectAsync(IPAddress.Loopback, port);
            await TrySendAsync(socket, bytes);
        }

        await Task.Delay(500, TestContext.Current.CancellationToken);
        foreach (var socket in kept)
            socket.Dispose();
    }

    private static async Task RawAsync(string path, int connections, byte[] bytes)
    {
        var kept = new List<Socket>();
        for (var i = 0; i < connections; i++)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            kept.Add(socket);
            if (!await TryConnectAsync(socket, path))
                continue;
            await TrySendAsync(socket, bytes);
            if (i % 10 != 9)
                continue;
            // Others take their places.
            kept.ForEach(s => s.Dispose());
            kept.Clear();
        }

        await Task.Delay(500, TestContext.Current.CancellationToken);
        kept.ForEach(s => s.Dispose());
    }

    /// <summary>False while so many wait to be accepted that the kernel takes no more.</summary>
    private static async Task<bool> TryConnectAsync(Socket socket, string path)
    {
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static async Task TrySendAsync(Socket socket, byte[] bytes)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(200)); // nobody reads any more
        try
        {
            await socket.SendAsync(bytes, patience.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // Closed, as it should be.
        }
    }

    private static async Task<string> GetAsync(HttpClient http, string path)
    {
        try
        {
            return await http.GetStringAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        }
        catch (HttpRequestException e)
        {
            return e.Message; // not yet
        }
    }

    private static byte[] Body(byte[] message)
    {
        var frames = message.Chunk(16_000).Select(c => RawHttp2.Frame(RawHttp2.Data, 0, 1, c));
        return [.. frames.SelectMany(f => f), .. RawHttp2.Frame(RawHttp2.Data, RawHttp2.EndStream, 1, [])];
    }

    private static byte[] Many(byte[] frame, int times) => [.. Enumerable.Repeat(frame, times).SelectMany(f => f)];

    private static string Repeated(string text, int times) => string.Concat(Enumerable.Repeat(text, times));

    private static string Chunks(int bytes) => Repeated("1000\r\n" + new string('x', 4096) + "\r\n", bytes / 4096);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
