namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>What runs in a Pod's container. Disposing ends it and waits for its end.</summary>
internal abstract class PodProcess : IAsyncDisposable
{
    /// <summary>Whether the kubelet would show it as ready.</summary>
    public abstract bool IsReady { get; }

    /// <summary>Of one that has ended by itself; null while it runs.</summary>
    public abstract int? ExitCode { get; }

    /// <summary>What it has written so far.</summary>
    public abstract string Log { get; }

    /// <summary>Whether something else reports the Pod's status: a node shows its own agent.</summary>
    public virtual bool ReportsItself => false;

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

    public override bool IsReady => _node.AgentRuns;

    public override int? ExitCode => null;

    public override string Log => ReadFile(_node.LogFile);

    public override bool ReportsItself => true;

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

    public OperatorPodProcess(SandboxCluster cluster, string pod, bool nodeLabels)
    {
        (_cluster, _pod, _nodeLabels) = (cluster, pod, nodeLabels);
        _operator = cluster.Operators.FirstOrDefault(o => o.Identity == pod && !o.Ended.IsCompleted) ?? Start();
    }

    public int Restarts { get; private set; }

    public override bool IsReady => !_operator.Ended.IsCompleted && !_operator.Host.Problems.Any();

    public override int? ExitCode => null;

    public override string Log => ReadFile(_operator.LogFile);

    public async Task RestartEndedAsync()
    {
        if (!_operator.Ended.IsCompleted)
            return;
        await _operator.DisposeAsync();
        Restarts++;
        _operator = Start();
    }

    public override ValueTask DisposeAsync() => _operator.DisposeAsync();

    /// <summary>Another identity after each restart: a container that comes back has no lease from before.</summary>
    private OperatorProcess Start() => _cluster.StartOperator(_pod, _cluster.Timings, nodeLabels: _nodeLabels, incarnation: Restarts);
}
