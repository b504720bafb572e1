using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>
/// A peer of tests/grpc-peer in a process of its own: JSON lines in and out. Fails, and never skips, where it cannot run.
/// </summary>
internal sealed class NodePeer : IAsyncDisposable
{
    private static readonly string Root = FindRoot();

    private readonly Process _process;
    private readonly Lock _gate = new();
    private readonly List<JsonNode> _events = [];
    private readonly Dictionary<int, JsonNode> _replies = [];
    private readonly Task _reading;
    private readonly Task<string> _errors;
    private int _lastId;

    private NodePeer(Process process)
    {
        _process = process;
        _reading = ReadAsync();
        _errors = process.StandardError.ReadToEndAsync();
    }

    public ImmutableArray<JsonNode> Events(string name)
    {
        lock (_gate)
            return [.. _events.Where(e => (string?)e["event"] == name)];
    }

    /// <summary>Starts a script with a socket or directory and waits until it says that it is ready.</summary>
    public static async Task<NodePeer> StartAsync(string script, string path)
    {
        var folder = Path.Combine(Root, "tests", "grpc-peer");
        if (!Directory.Exists(Path.Combine(folder, "node_modules")))
            Assert.Fail("the gRPC peers are not installed: run tests/grpc-peer/install");
        var start = new ProcessStartInfo("node")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        foreach (var argument in (string[])[script, path, Path.Combine(Root, "device-plugin", "Kubelet", "Protos")])
            start.ArgumentList.Add(argument);
        NodePeer peer;
        try
        {
            peer = new NodePeer(Process.Start(start)!);
        }
        catch (Win32Exception)
        {
            Assert.Fail("node is not installed, and the gRPC peers need it (Debian: apt-get install nodejs npm)");
            throw;
        }

        await Waiting.UntilAsync(() => !peer.Events("ready").IsEmpty || peer._process.HasExited, 30);
        if (peer._process.HasExited)
            Assert.Fail($"{script} ended: {await peer._errors}");
        return peer;
    }

    /// <summary>Sends a command and waits for its reply.</summary>
    public async Task<JsonNode> CallAsync(JsonObject command, double seconds = 20)
    {
        var id = Send(command);
        await Waiting.UntilAsync(() => Reply(id) is not null || _process.HasExited, seconds);
        return Reply(id) ?? throw new InvalidOperationException($"the peer ended: {await _errors}");
    }

    public int Send(JsonObject command)
    {
        var id = Interlocked.Increment(ref _lastId);
        command["id"] = id;
        _process.StandardInput.WriteLine(command.ToJsonString());
        _process.StandardInput.Flush();
        return id;
    }

    public JsonNode? Reply(int id)
    {
        lock (_gate)
            return _replies.GetValueOrDefault(id);
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        await _reading;
        await _errors;
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var message = JsonNode.Parse(line)!;
            lock (_gate)
            {
                if (message["event"] is not null)
                    _events.Add(message);
                else
                    _replies[(int)message["id"]!] = message;
            }
        }
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Operator.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("the tests run outside of the repository");
        return folder;
    }
}
