using System.Text;
using Hostdev.Operator.Commands;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>
/// A command of the operator's program that runs to its end, such as <c>give-back</c>: the command line that the Pod has, with the rights
/// of its service account.
/// </summary>
internal sealed class CommandPodProcess : PodProcess
{
    private readonly CancellationTokenSource _end = new();
    private readonly Output _output = new();
    private readonly Action _ended;
    private readonly Task<int> _run;

    /// <param name="arguments">As the kubelet hands them over, variables filled in.</param>
    /// <param name="kubeconfig">Of the Pod's service account: the token that a kubelet would project.</param>
    /// <param name="ended">Called at its end.</param>
    public CommandPodProcess(IEnumerable<string> arguments, string kubeconfig, Action ended)
    {
        _ended = ended;
        _run = Task.Run(() => OperatorCommand.InvokeAsync([.. arguments, $"--kubeconfig={kubeconfig}"], _output, _end.Token));
    }

    /// <summary>An exception that nobody catches ends a process with 134.</summary>
    public override PodStanding Standing =>
        !_run.IsCompleted ? new PodStanding.Running(IsReady: true)
        : _run.IsCompletedSuccessfully ? new PodStanding.Ended(_run.Result)
        : new PodStanding.Ended(134);

    public override string Log => _run.IsFaulted ? $"{_output}{_run.Exception.InnerException}\n" : _output.ToString();

    public override async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await ((Task)_run).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ended();
        _end.Dispose();
    }

    /// <summary>Written and read at the same time.</summary>
    private sealed class Output : TextWriter
    {
        private readonly Lock _gate = new();
        private readonly StringBuilder _text = new();

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value)
        {
            lock (_gate)
                _text.Append(value);
        }

        public override void Write(string? value)
        {
            lock (_gate)
                _text.Append(value);
        }

        public override string ToString()
        {
            lock (_gate)
                return _text.ToString();
        }
    }
}
