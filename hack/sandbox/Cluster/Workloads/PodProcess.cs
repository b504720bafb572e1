namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>What runs in a Pod's container. Disposing ends it and waits for its end.</summary>
internal abstract class PodProcess : IAsyncDisposable
{
    public abstract PodStanding Standing { get; }

    /// <summary>What it has written so far.</summary>
    public abstract string Log { get; }

    public abstract ValueTask DisposeAsync();

    /// <summary>A log that is still being written.</summary>
    protected static string ReadFile(string path)
    {
        if (!File.Exists(path))
            return "";
        using var file = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return file.ReadToEnd();
    }
}

/// <summary>The agent of the Pod's node.</summary>
internal sealed class AgentPodProcess : PodProcess
{
    private readonly ClusterNode _node;

    public AgentPodProcess(ClusterNode node)
    {
        _node = node;
        if (!node.AgentRuns)
            node.StartAgent();
        else
            node.ShowAgent(ready: true);
    }

    /// <summary>A node shows its own agent.</summary>
    public override PodStanding Standing => new PodStanding.Untold();

    public override string Log => ReadFile(_node.LogFile);

    public override async ValueTask DisposeAsync()
    {
        if (_node.AgentRuns)
            await _node.StopAgentAsync();
    }
}

/// <summary>An operator; one that has ended is started again.</summary>
internal sealed class OperatorPodProcess : PodProcess
{
    private readonly SandboxCluster _cluster;
    private readonly string _pod;
    private readonly bool _nodeLabels;
    private OperatorProcess _operator;
    private int _restarts;

    public OperatorPodProcess(SandboxCluster cluster, string pod, bool nodeLabels)
    {
        (_cluster, _pod, _nodeLabels) = (cluster, pod, nodeLabels);
        _operator = cluster.Operators.FirstOrDefault(o => o.Identity == pod && !o.Ended.IsCompleted) ?? Start();
    }

    public override PodStanding Standing =>
        new PodStanding.Running(!_operator.Ended.IsCompleted && !_operator.Host.Problems.Any(), _restarts);

    public override string Log => ReadFile(_operator.LogFile);

    public async Task RestartEndedAsync()
    {
        if (!_operator.Ended.IsCompleted)
            return;
        await _operator.DisposeAsync();
        _restarts++;
        _operator = Start();
    }

    public override ValueTask DisposeAsync() => _operator.DisposeAsync();

    /// <summary>Another identity after each restart: a container that comes back has no lease from before.</summary>
    private OperatorProcess Start() => _cluster.StartOperator(_pod, _cluster.Timings, nodeLabels: _nodeLabels, incarnation: _restarts);
}
