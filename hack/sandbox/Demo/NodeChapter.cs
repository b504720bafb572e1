using Hostdev.Crds.Words;

namespace Hostdev.Sandbox.Demo;

/// <summary>A chapter of the story of one machine.</summary>
internal sealed class NodeChapter(
    DemoNode node,
    IStoryScreen screen,
    TimeSpan patience,
    TimeProvider time,
    CancellationToken cancellationToken
) : Chapter(screen, patience, time, cancellationToken)
{
    private (DateTime Written, StatusReading Status) _status = (default, StatusReading.Nothing);
    private long _reread;

    public DemoNode Node => node;

    public StatusReading Status
    {
        get
        {
            // The file's time alone would miss a second change within one tick of the file system's clock.
            var written = File.GetLastWriteTimeUtc(node.StatusFile);
            if (written == _status.Written && Time.GetElapsedTime(_reread).TotalSeconds < 0.2)
                return _status.Status;
            _reread = Time.GetTimestamp();
            if (StatusReading.Read(node.StatusFile) is { } status)
                _status = (written, status);
            return _status.Status;
        }
    }

    public NodeReading Reading => NodeReading.Take(node, Status);

    public override IPicture Picture => Reading;

    public override IEnumerable<string> Said => Status.Problems.Where(p => p.State != FindingState.Held).Select(p => p.Message);

    /// <summary>Waits until the agent's status says something that fits.</summary>
    public async Task<StatusProblem> SaysAsync(string promise, Func<StatusProblem, bool> fits)
    {
        StatusProblem? found = null;
        await PromiseAsync(
            promise,
            () =>
                (found = Status.Problems.FirstOrDefault(fits)) is null
                    ? Status.Problems.Length == 0
                        ? "the agent says nothing"
                        : $"the agent says \"{string.Join("; ", Status.Problems.Select(p => p.Message))}\""
                    : null
        );
        Quote(found!.Message);
        return found;
    }
}
