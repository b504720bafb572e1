using System.Text.Json.Nodes;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Offering;
using Hostdev.DevicePlugin.Reporting;
using Hostdev.Sandbox.Kubelet;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Scenarios;

/// <summary>A node, its kubelet, its files, and the agent between them: started, killed and started again as a scenario likes.</summary>
internal sealed class ScenarioBench : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hd-").FullName;
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private bool _isSettled = true; // what the agent does next, it does for the next desired state
    private (ForeseenWrites Writes, string Pods)? _foreseen;

    private ScenarioBench(IScenarioNode node)
    {
        Node = node;
        Kubelet = new SimulatedKubelet(
            Path.Combine(_directory, "kubelet"),
            TimeProvider.System,
            Path.Combine(_directory, "pods", "kubelet.sock")
        );
    }

    public IScenarioNode Node { get; }

    public SimulatedKubelet Kubelet { get; }

    /// <summary>The agent that runs, or ran last.</summary>
    public AgentHost Host { get; private set; } = null!;

    /// <summary>How often what the agent did was held against what plan had foreseen.</summary>
    public int WaysCompared { get; private set; }

    public string DesiredFile => Path.Combine(_directory, "desired.yaml");

    public string StatusFile => Path.Combine(_directory, "status.json");

    public string StateDirectory => Path.Combine(_directory, "state");

    /// <summary>The agent's own words; an empty object before the first.</summary>
    public JsonNode Status => File.Exists(StatusFile) ? JsonNode.Parse(File.ReadAllText(StatusFile))! : new JsonObject();

    public static async Task<ScenarioBench> StartAsync(IScenarioNode node, string desired, AgentMachine? machine = null, bool start = true)
    {
        var bench = new ScenarioBench(node);
        await bench.Kubelet.StartAsync();
        bench.Desire(desired);
        if (start)
            bench.StartAgent(machine);
        return bench;
    }

    public void Desire(string yaml)
    {
        File.WriteAllText(DesiredFile + ".new", yaml);
        _foreseen =
            _isSettled
            && Node is SimulatedNode { IsInOtherHands: false } node
            && ForeseenWrites.Of(node, DesiredFile + ".new", StateDirectory) is { } writes
                ? (writes, Pods)
                : null;
        _isSettled = false;
        File.Move(DesiredFile + ".new", DesiredFile, overwrite: true);
    }

    public void StartAgent(AgentMachine? machine = null, AgentMetrics? metrics = null)
    {
        if (machine is not null)
            _foreseen = null; // it meddles
        Host = AgentHost.Open(machine ?? Node.Machine, Options, TimeProvider.System, NullLoggerFactory.Instance, metrics);
        _stop = new CancellationTokenSource();
        var (host, token) = (Host, _stop.Token);
        _running = Task.Run(() => host.RunAsync(token));
    }

    public async Task StopAgentAsync()
    {
        if (Host is null)
            return;
        _foreseen = null;
        await _stop.CancelAsync();
        await _running;
        await Host.DisposeAsync();
        _stop.Dispose();
        Host = null!;
    }

    /// <summary>
    /// The agent's end by a crash of the machine: its state directory is as it was the moment before, without what an orderly end writes.
    /// </summary>
    public async Task CrashAgentAsync()
    {
        var files = Directory
            .GetFiles(StateDirectory)
            .Where(f => !f.EndsWith(".new", StringComparison.Ordinal) && new FileInfo(f).Length > 0)
            .ToDictionary(f => f, File.ReadAllBytes);
        await StopAgentAsync();
        foreach (var file in Directory.GetFiles(StateDirectory))
            File.Delete(file);
        foreach (var (file, content) in files)
            await File.WriteAllBytesAsync(file, content);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAgentAsync();
        await Kubelet.DisposeAsync();
        Node.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>
    /// Waits until the agent says that everything is as desired, and the kubelet has taken in the lists that it was sent.
    /// </summary>
    public async Task ReadyAsync()
    {
        await UntilAsync(() => Condition("Ready") == "True" && KubeletHasWhatTheStatusSays());
        await CompareAsync();
    }

    /// <summary>
    /// Waits until the agent has not looked at the machine for a while: what is done to the machine now, it does not see until somebody
    /// tells it.
    /// </summary>
    public async Task QuietAsync()
    {
        for (long before = -1; before != Host.Agent.Reconciles; )
        {
            before = Host.Agent.Reconciles;
            await Task.Delay(TimeSpan.FromSeconds(0.5), TestContext.Current.CancellationToken);
        }
    }

    private bool KubeletHasWhatTheStatusSays() =>
        Status["resources"] is JsonArray resources
        && resources.All(r => Kubelet.Allocatable((string)r!["name"]!) == (int)r["allocatable"]!);

    /// <summary>Waits until nothing is offered, held or being given back any more.</summary>
    public async Task GivenBackAsync()
    {
        await UntilAsync(() =>
            Status["policies"] is JsonArray { Count: 0 }
            && Host.Journal.State.Ownership is { Functions.Count: 0, PhysicalFunctions.Count: 0, Mdevs.Count: 0, Vgpus.Count: 0 }
            && Host.Journal.State.Ownership is { Attributes.IsEmpty: true, Loans.Count: 0 }
            && Host.Journal.State.Nodes.IsEmpty
        );
        await CompareAsync();
    }

    /// <summary>What was done since the last change of mind is what plan has foreseen then, if nothing came between.</summary>
    private async Task CompareAsync()
    {
        if (_foreseen is { } foreseen && IsComparable(foreseen))
        {
            await UntilAsync(() => Host.Desired.Fingerprint == foreseen.Writes.Fingerprint);
            // Whoever waits for "ready" may be told so of what was desired before: it may not be at the end yet.
            await Waiting.UntilAsync(
                () => !IsComparable(foreseen) || foreseen.Writes.Difference() is null,
                Node.PatienceSeconds,
                () => foreseen.Writes.Difference() ?? "",
                "what plan has foreseen is done"
            );
            WaysCompared += IsComparable(foreseen) ? 1 : 0;
        }

        (_foreseen, _isSettled) = (null, true);
    }

    /// <summary>Nothing came between: neither a pod nor anybody who has to do with the machine.</summary>
    private bool IsComparable((ForeseenWrites Writes, string Pods) foreseen) =>
        Node is SimulatedNode { IsInOtherHands: false } && Pods == foreseen.Pods && foreseen.Writes.IsUntouched;

    private string Pods => string.Join(' ', Kubelet.Pods.Select(p => $"{p.Namespace}/{p.Name}"));

    public Task UntilAsync(
        Func<bool> condition,
        [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(condition))] string text = ""
    ) => Waiting.UntilAsync(condition, Node.PatienceSeconds, () => Status.ToJsonString(), text);

    public string? Condition(string type) =>
        (Status["conditions"] as JsonArray)?.FirstOrDefault(c => (string?)c!["type"] == type)?["status"]?.GetValue<string>();

    /// <summary>The result of one policy, or null before there is one.</summary>
    public JsonNode? Policy(string name) => (Status["policies"] as JsonArray)?.FirstOrDefault(p => (string?)p!["name"] == name);

    /// <summary>What the agent says of a policy's device: reason and message of what stands in its way.</summary>
    public (Reason Reason, string Message) Problem(string policy) =>
        Policy(policy)?["problems"]?.AsArray().FirstOrDefault(p => (string?)p!["state"] is not ("Held" or "Adopted" or "Accepted"))
            is { } problem
            ? (Reasons.Of((string)problem["reason"]!), (string)problem["message"]!)
            : (Reasons.Unsaid, "");

    /// <summary>The risks that a policy accepts, as far as they stand.</summary>
    public IReadOnlyList<Reason> Accepted(string policy) =>
        [
            .. (Policy(policy)?["problems"]?.AsArray() ?? [])
                .Where(p => (string?)p!["state"] == "Accepted")
                .Select(p => Reasons.Of((string)p!["reason"]!)),
        ];

    /// <summary>What the agent says of a policy's devices, in its order, without what is held, found or accepted: device, reason.</summary>
    public IReadOnlyList<(string Device, Reason Reason)> Problems(string policy) =>
        [
            .. (Policy(policy)?["problems"]?.AsArray() ?? [])
                .Where(p => (string?)p!["state"] is not ("Held" or "Adopted" or "Accepted"))
                .Select(p => ((string)p!["device"]!, Reasons.Of((string)p["reason"]!))),
        ];

    /// <summary>What the status says of a function; null when it says nothing.</summary>
    public string? State(string address) =>
        (string?)(Status["devices"] as JsonArray)?.FirstOrDefault(d => (string?)d!["id"] == address)?["state"];

    /// <summary>Reason and message of a condition.</summary>
    public (Reason Reason, string Message) Why(string condition) =>
        (Status["conditions"] as JsonArray)?.FirstOrDefault(c => (string?)c!["type"] == condition) is { } found
            ? (Reasons.Of((string)found["reason"]!), (string)found["message"]!)
            : (Reasons.Unsaid, "");

    /// <summary>
    /// Which proof the agent says is lacking before the device counts as returned; empty while a pod has it, null when it is not given out.
    /// </summary>
    public string? WaitsFor(string id) =>
        (Status["allocations"] as JsonArray)?.FirstOrDefault(a => (string?)a!["id"] == id) is { } allocation
            ? (string?)allocation["waitsFor"] ?? ""
            : null;

    public string? Driver(string address) =>
        new DirectoryInfo(Node.Machine.Paths.Resolve($"/sys/bus/pci/devices/{address}/driver")).LinkTarget is { } link
            ? Path.GetFileName(link)
            : null;

    public string Read(string path) => File.ReadAllText(Node.Machine.Paths.Resolve(path)).Trim();

    /// <summary>How long a kubelet must be up before its list proves anything; from the next start of the agent on.</summary>
    public TimeSpan KubeletUptime { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The pod that the agent says it is; from its next start on.</summary>
    public OwnPod? OwnPod { get; set; }

    /// <summary>How long an answer may take to show in the kubelet's list; from the next start of the agent on.</summary>
    public TimeSpan UnseenGrace { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>From the next start of the agent on.</summary>
    public KubeletTimings KubeletTimings { get; set; } =
        new() { ListPolicy = new AdvertisedListPolicy(Settle: TimeSpan.FromMilliseconds(200)) };

    private AgentOptions Options =>
        new()
        {
            DesiredFile = DesiredFile,
            StatusFile = StatusFile,
            StateDirectory = StateDirectory,
            KubeletDirectory = Kubelet.Directory,
            PodResourcesSocket = Kubelet.PodResourcesSocket,
            OwnPod = OwnPod,
            KubeletTimings = KubeletTimings,
            Timings = new AgentTimings
            {
                WhileWaiting = TimeSpan.FromMilliseconds(500),
                PodResources = TimeSpan.FromMilliseconds(200),
                ReleaseProof = new ReleaseProof
                {
                    Absence = TimeSpan.FromMilliseconds(300),
                    UnseenGrace = UnseenGrace,
                    KubeletUptime = KubeletUptime,
                    CheckpointRefresh = TimeSpan.FromSeconds(1),
                },
            },
        };
}
