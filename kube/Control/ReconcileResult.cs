namespace Hostdev.Kube.Control;

/// <summary>How the work on a key ended. Failure is an exception.</summary>
public abstract record ReconcileResult
{
    private ReconcileResult() { }

    /// <summary>All is as it shall be; the next change brings the key again.</summary>
    public static ReconcileResult Done { get; } = new Finished();

    /// <summary>
    /// Not now: nothing was tried, look again in a while even if nothing changes. It says nothing of failures before it: they count until
    /// the work is <see cref="Done"/>.
    /// </summary>
    public static ReconcileResult RequeueAfter(TimeSpan delay) => new Again(delay);

    internal sealed record Finished : ReconcileResult;

    internal sealed record Again(TimeSpan Delay) : ReconcileResult;

    internal sealed record Failed(Exception Error) : ReconcileResult;
}
