using System.Collections.Concurrent;
using System.Globalization;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Host;
using Hostdev.Tests.Scenarios;
using Hostdev.Tests.Scenarios.Sequences;
using Xunit;

namespace Hostdev.Tests.Allocating;

/// <summary>
/// What an answer costs that binds a group of two functions, beside the kernel's own work to unbind and bind them. These counts are the
/// same each time; how long it takes on the real kernel, <see cref="RealLateBindingScenarios"/> print.
/// </summary>
public sealed class LateAnswerCostTests
{
    private const string Port = "0000:45:00.0";
    private const int Processes = 100;

    [Fact]
    public void An_answer_that_binds_two_functions_goes_twice_over_all_processes_and_asks_little_else()
    {
        using var node = new SimulatedNode();
        foreach (var number in Enumerable.Range(1, Processes))
            node.Kernel.Processes.Start(string.Create(CultureInfo.InvariantCulture, $"worker-{number}"));
        var asked = new Questions();
        var machine = new AgentMachine(
            new HostPaths(node.Kernel.Paths.Root) { Watch = (question, path) => asked.Add(question.ToString(), path) },
            new CountedCalls(node.Kernel.Calls, asked),
            node.Kernel.OpenUevents
        );
        var (clock, directory) = (new StillClock(), Directory.CreateTempSubdirectory("hostdev-cost-").FullName);
        using var agent = new SteppedAgent(machine, clock, directory);
        var kubelet = new SteppedKubelet(agent, clock);
        agent.Start();
        agent.Desire(Desired.Policies(Desired.HostDevice("dual", Port, "binding: OnAllocate", ", groupPolicy: AssignSiblings")));
        Assert.True(agent.Settle());
        kubelet.SendLists();

        asked.Clear();
        var (waits, records) = (agent.Waits, agent.Records);
        var (pod, cause) = kubelet.Admit("vm", "example.com/dual", 1);
        Assert.True(pod is not null, cause);
        (waits, records) = (agent.Waits - waits, agent.Records - records);

        // One pass proves before the first write that nobody uses the group, one before the answer that nobody has its new nodes.
        Bounded("passes over /proc", asked.Count(nameof(FileQuestion.Names), p => p == "/proc"), 2, calls: 4, exactly: true);
        // Its mount namespace, its descriptors in both passes, its mappings in the first.
        Bounded("of each process: descriptors listed", PerProcess(nameof(FileQuestion.Names)), 2, calls: 4);
        Bounded("of each process: descriptors counted", PerProcess("stat"), 2, calls: 1);
        Bounded("of each process: files read", PerProcess(nameof(FileQuestion.Content)), 1, calls: 4);
        Bounded("of each process: links read", PerProcess(nameof(FileQuestion.Target)), 1, calls: 1);
        // Every disk and its holders twice, since what slips in before a door is shut is seen by the look after it; the group before and
        // after; what each write is read back by.
        Bounded("directories listed", Else(nameof(FileQuestion.Names)), 26, calls: 4);
        Bounded("files read", Else(nameof(FileQuestion.Content)), 46, calls: 4);
        Bounded("links read", Else(nameof(FileQuestion.Target)), 44, calls: 1);
        Bounded("files looked for", Else(nameof(FileQuestion.Presence)), 8, calls: 1);
        Bounded("owners of nodes read", Else("owner"), 3, calls: 1); // the group's and the two functions'
        Bounded("opens that keep others out", Else("open"), 0, calls: 2); // it carries no disk, and had no node of VFIO's before
        Bounded("dumps of the network", Else("network"), 1, calls: 0);
        Bounded("the kernel's log followed", Else("log"), 6, calls: 4); // once for each write
        Bounded("writes", Else("write"), 6, calls: 3, exactly: true); // override, unbind and probe, of each function
        Bounded("records of the journal", records, 8, calls: 2, exactly: true); // one for each function and each write
        Bounded("waits with a deadline", waits, 11, calls: 0); // each write, an attribute read back, each pass, the answer itself

        long PerProcess(string kind) => asked.Count(kind, IsOfAProcess) / Processes; // process 1 has a little more
        long Else(string kind) => asked.Count(kind, p => p != "/proc" && !IsOfAProcess(p));
        static bool IsOfAProcess(string path) => path.StartsWith("/proc/", StringComparison.Ordinal) && char.IsAsciiDigit(path[6]);
    }

    /// <param name="calls">System calls that one of them is, as a rule; 0 where they are not of a fixed number.</param>
    private static void Bounded(string what, long count, long most, int calls, bool exactly = false)
    {
        var of = calls == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" of {calls} system call{(calls == 1 ? "" : "s")}");
        TestContext.Current.TestOutputHelper?.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{count, 4} {what}{of}; at most {most}")
        );
        Assert.True(exactly ? count == most : count <= most, $"{what}: {count}, and {(exactly ? "always" : "at most")} {most} before");
    }

    private sealed class Questions
    {
        private readonly ConcurrentQueue<(string Kind, string Path)> _all = new();

        public void Add(string kind, string path) => _all.Enqueue((kind, path));

        public void Clear() => _all.Clear();

        public long Count(string kind, Func<string, bool> where) => _all.Count(a => a.Kind == kind && where(a.Path));
    }

    private sealed class CountedCalls(IHostCalls kernel, Questions asked) : DecoratedCalls(kernel)
    {
        public override Errno WriteAttribute(string path, string value)
        {
            asked.Add("write", path);
            return base.WriteAttribute(path, value);
        }

        public override OpenResult Open(string path, OpenIntent intent)
        {
            asked.Add("open", path);
            return base.Open(path, intent);
        }

        public override FileLook Look(string path)
        {
            asked.Add("stat", path);
            return base.Look(path);
        }

        public override NodeOwnerResult ReadOwner(string path)
        {
            asked.Add("owner", path);
            return base.ReadOwner(path);
        }

        public override NetworkReading ReadNetwork()
        {
            asked.Add("network", "");
            return base.ReadNetwork();
        }

        public override IKernelLog FollowKernelLog()
        {
            asked.Add("log", "");
            return base.FollowKernelLog();
        }
    }
}
