using System.Text.Json.Nodes;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>
/// Agents are replaced one by one and rolled back: a state directory is read by the versions on both sides of the one that wrote it
/// (docs/adr/0006).
/// <c>testdata/state/VERSION</c> has what that version left on a node with <see cref="Policies"/>;
/// <c>HOSTDEV_WRITE_STATE=DIRECTORY</c> writes what this one leaves.
/// </summary>
public sealed class StateFileTests
{
    private const string Before = "2026-11";

    private static string Policies(SimulatedNode node) =>
        Desired.Everything
        + $$"""
            - kind: SriovPolicy
              name: byname
              spec:
                nodeSelector: {}
                physicalFunctions: [{interfaces: ["{{ScenarioNodes.InterfaceOf(node.Machine.Paths, "0000:81:00.0")}}"]}]
                numVfs: 3
                pools: [{name: c, vfs: [{first: 0, last: 2}], resourceName: example.com/nic-c}]

            """;

    /// <summary>What the version before knows of a journal; it refuses a file with anything else.</summary>
    private static readonly Dictionary<string, string[]> JournalBefore = new(StringComparer.Ordinal)
    {
        ["Open"] = ["format", "bootId"],
        ["RecordFunction"] = ["address", "driver", "driverOverride", "policy"],
        ["ForgetFunction"] = ["address"],
        ["RecordPhysicalFunction"] = ["address", "numVfs", "autoprobe", "policy"],
        ["OpenVfSetup"] = ["address", "numVfs"],
        ["CloseVfSetup"] = ["address", "numVfs"],
        ["ForgetPhysicalFunction"] = ["address"],
        ["RecordNode"] = ["path", "uid", "gid", "mode"],
        ["ForgetNode"] = ["path"],
        ["RecordFault"] = ["address", "fault", "fatalErrors"],
        ["ClearFault"] = ["address", "fatalErrors"],
        ["ForgetFault"] = ["address"],
        ["InForceBefore"] = ["address"],
        ["Confirm"] = [],
        ["Write"] = ["path", "value"],
    };

    /// <summary>What the version before writes too, when there is something to say.</summary>
    private static readonly string[] AtTimes =
    [
        ".allocations[].pod",
        ".allocations[].absentSince",
        ".allocations[].holder",
        ".allocations[].lacks",
    ];

    /// <summary>What the version before reads past. Beside the policies of <c>desired.json</c> it reads past nothing.</summary>
    private static readonly Dictionary<string, string[]> PassedOver = new(StringComparer.Ordinal)
    {
        ["boots.json"] = [".format"],
        ["repairs.json"] = [".format"],
    };

    [Fact]
    public async Task What_is_written_now_the_version_before_reads()
    {
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, Policies(node));
        await bench.ReadyAsync();
        var gpu = new Dictionary<string, int>(StringComparer.Ordinal) { ["example.com/gpu"] = 1 };
        var pod = await bench.Kubelet.AdmitPodAsync("vms", "vm", gpu);
        Assert.Equal(PodPhase.Running, pod.Phase);
        Assert.Equal(3, bench.Kubelet.Allocatable("example.com/nic-c"));
        await bench.CrashAgentAsync();
        if (Environment.GetEnvironmentVariable("HOSTDEV_WRITE_STATE") is { Length: > 0 } directory)
        {
            Directory.CreateDirectory(directory);
            foreach (var file in Directory.GetFiles(bench.StateDirectory, "*.json*"))
                File.Copy(file, Path.Combine(directory, Path.GetFileName(file)), overwrite: true);
        }

        foreach (var line in File.ReadLines(Path.Combine(bench.StateDirectory, "journal.jsonl")))
        {
            var record = JsonNode.Parse(line)!.AsObject();
            // It passes over a field that it does not know (docs/adr/0006): when a write was made.
            Assert.All(record.Where(f => f.Key is not ("op" or "at")), f => Assert.Contains(f.Key, JournalBefore[(string)record["op"]!]));
        }

        foreach (var name in (string[])["allocations.json", "choices.json", "boots.json", "repairs.json", "desired.json"])
        {
            var now = Shape(File.ReadAllText(Path.Combine(bench.StateDirectory, name)));
            Assert.Equal([], now.Except([.. Shape(Stored(name)), .. AtTimes, .. PassedOver.GetValueOrDefault(name, [])]));
        }
    }

    [Fact]
    public async Task A_node_that_the_version_before_had_set_up_is_offered_as_it_is_and_given_back()
    {
        var node = new SimulatedNode();
        var atBoot = node.Snapshot();
        var records = Stored("journal.jsonl").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!);
        foreach (var write in records.Where(r => (string?)r["op"] == "Write"))
        {
            var done = node.Kernel.Calls.WriteAttribute((string)write["path"]!, (string)write["value"]!);
            Assert.True(done.IsSuccess, write.ToJsonString());
        }

        await using var bench = await ScenarioBench.StartAsync(node, Policies(node), start: false);
        CopyStored(bench);

        bench.StartAgent();
        await bench.ReadyAsync();
        Assert.Equal(0, bench.Host.Writer.Writes);
        Assert.All(Desired.Offers, o => Assert.Equal(o.Primaries.Length, bench.Kubelet.Allocatable(o.Resource)));
        Assert.Equal(3, bench.Kubelet.Allocatable("example.com/nic-c"));

        node.RenameInterface("0000:81:00.0", "lan0"); // what it chose by name is remembered
        await bench.UntilAsync(() => bench.Problem("byname").Reason == Reasons.NameChanged);
        Assert.Equal(0, bench.Host.Writer.Writes);

        bench.Desire(Desired.Nothing);
        await bench.GivenBackAsync();
        await bench.StopAgentAsync();
        Assert.Empty(TreeSnapshot.Diff(atBoot, node.Snapshot()));
    }

    [Fact]
    public void A_field_that_this_version_does_not_know_is_passed_over_and_an_operation_is_not()
    {
        const string open = """{"op":"Open","format":1,"bootId":"b","since":"2027"}""" + "\n";
        const string mood = """{"op":"RecordFunction","address":"0000:43:00.0","driver":"nouveau","mood":"good"}""" + "\n";
        var state = Journal.Read("journal.jsonl", open + mood, "b");
        Assert.Equal("nouveau", Assert.Single(state.Ownership.Functions.Values).OriginalDriver);

        const string slot = """{"op":"RecordSlot","slot":"7"}""" + "\n";
        var refused = Assert.Throws<JournalException>(() => Journal.Read("journal.jsonl", open + slot, "b"));
        Assert.StartsWith(
            "journal.jsonl, line 2: its operation RecordSlot is not known to this version: run the version that wrote it. ",
            refused.Message,
            StringComparison.Ordinal
        );
    }

    private static string Stored(string name) => File.ReadAllText(Repository.Path("tests", "testdata", "state", Before, name));

    /// <summary>As it was left, in this boot of this node.</summary>
    private static void CopyStored(ScenarioBench bench)
    {
        Directory.CreateDirectory(bench.StateDirectory);
        var boot = (string)JsonNode.Parse(Stored("journal.jsonl").Split('\n')[0])!["bootId"]!;
        foreach (var file in Directory.GetFiles(Repository.Path("tests", "testdata", "state", Before)))
        {
            var now = bench.Read("/proc/sys/kernel/random/boot_id");
            var text = File.ReadAllText(file).Replace(boot, now, StringComparison.Ordinal);
            File.WriteAllText(Path.Combine(bench.StateDirectory, Path.GetFileName(file)), text);
        }
    }

    /// <summary>The names in a file, each once, as paths.</summary>
    private static IEnumerable<string> Shape(string json) =>
        Names(JsonNode.Parse(json)!, "").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Names(JsonNode? node, string at) =>
        node switch
        {
            JsonObject o => o.SelectMany(p => Names(p.Value, $"{at}.{p.Key}").Prepend($"{at}.{p.Key}")),
            JsonArray a => a.SelectMany(i => Names(i, at + "[]")),
            _ => [],
        };
}
