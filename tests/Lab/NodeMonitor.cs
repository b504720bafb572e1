using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Hostdev.Tests.Lab;

/// <summary>
/// The way of the lab's node to its own QEMU (hack/lab.d/README.md, "Pulling and plugging"): what is done by it is done to the hardware.
/// </summary>
internal static class NodeMonitor
{
    private static readonly Lock s_gate = new();
    private static FileStream? s_port;

    /// <summary>One command of QEMU's human monitor, for example <c>device_del stick</c>; what it says must be nothing.</summary>
    public static void Run(string command)
    {
        if (Try(command) is { } refused)
            Assert.Fail($"QEMU's monitor says to \"{command}\": {refused}");
    }

    /// <summary>Null when it was done, else what the monitor says.</summary>
    public static string? Try(string command)
    {
        lock (s_gate)
        {
            if (s_port is null)
            {
                s_port = new FileStream(PortNamed("lab.monitor"), FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
                _ = Ask(s_port, "qmp_capabilities", null); // refused where an earlier process did so: it is done once for all
            }

            var answer = Ask(s_port, "human-monitor-command", new JsonObject { ["command-line"] = command });
            return (string?)answer["return"] == "" ? null : answer.ToJsonString();
        }
    }

    private static JsonNode Ask(FileStream port, string command, JsonObject? arguments)
    {
        var question = new JsonObject { ["execute"] = command, ["id"] = Guid.NewGuid().ToString() };
        if (arguments is not null)
            question["arguments"] = arguments;
        port.Write(Encoding.UTF8.GetBytes(question.ToJsonString() + "\n"));
        while (true)
        {
            var line = ReadLine(port);
            // The greeting, events, and what an earlier process asked and did not wait for, are no answer to this.
            if (JsonNode.Parse(line) is { } answer && (string?)answer["id"] == (string?)question["id"])
                return answer;
        }
    }

    private static string ReadLine(FileStream port)
    {
        var line = new List<byte>();
        for (int read; (read = port.ReadByte()) != '\n'; )
        {
            Assert.True(read >= 0, "QEMU's monitor closed its port");
            line.Add((byte)read);
        }

        return Encoding.UTF8.GetString([.. line]);
    }

    private static string PortNamed(string name) =>
        "/dev/"
        + Path.GetFileName(
            Directory.GetDirectories("/sys/class/virtio-ports").Single(p => File.ReadAllText(Path.Combine(p, "name")).Trim() == name)
        );
}
