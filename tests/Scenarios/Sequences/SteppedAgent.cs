using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>
/// The agent as production puts it together, on one thread and without a loop: a round runs when it is told to, lanes and writes run in
/// place, one after the other. So everything that happens has a number, and the process can be killed exactly there: before a journal
/// record, after it, before a write, after it. On a simulated machine and on the real one.
/// </summary>
internal sealed class SteppedAgent(AgentMachine machine, StillClock clock, string directory) : IDisposable
{
    private AgentHost? _host;
    private long? _killAt;

    /// <summary>How many moments there were at which a process can die, over all processes.</summary>
    public long Moments { get; private set; }

    /// <summary>What the last moment was, for people: <c>before the record ...</c>, <c>after the write ...</c>.</summary>
    public string LastMoment { get; private set; } = "";

    /// <summary>How many records the journal was given, over all processes.</summary>
    public long Records { get; private set; }

    /// <summary>How often something was done on a thread of its own, which may be given up, and waited for.</summary>
    public long Waits { get; private set; }

    public bool IsRunning => _host is not null && !IsKilled;

    /// <summary>It is as good as dead: nothing of it reaches disk or kernel any more.</summary>
    public bool IsKilled { get; private set; }

    public AgentHost Host => _host ?? throw new InvalidOperationException("the agent does not run");

    public string StatusPath => Path.Combine(directory, "status.json");

    public Ownership Ownership => Host.Journal.State.Ownership;

    /// <summary>
    /// A write of the agent is about to reach the kernel, or has: whoever steps the agent may do something at that moment.
    /// </summary>
    public (Action<string, string> Before, Action<string, string> After) Writing { get; set; } = ((_, _) => { }, (_, _) => { });

    /// <summary>A record of the journal is about to be written: that of a loan, or of a node's owner, is a moment of an answer.</summary>
    public Action<JournalRecord> Recording { get; set; } = _ => { };

    public void Start()
    {
        Assert.Null(_host);
        var options = new AgentOptions
        {
            DesiredFile = Path.Combine(directory, "desired.yaml"),
            StatusFile = StatusPath,
            StateDirectory = Path.Combine(directory, "state"),
            KubeletDirectory = directory,
        };
        IsKilled = false;
        var stepped = new AgentMachine(machine.Paths, new SteppedCalls(machine.Calls, this), machine.OpenUevents)
        {
            Threads = new InPlace(this),
        };
        _host = AgentHost.Open(stepped, options, clock, NullLoggerFactory.Instance);
        _host.Journal.Watch = (record, written) =>
        {
            if (!written)
            {
                Records++;
                ThrowIfKilled();
                Recording(record);
            }

            Moment($"{(written ? "after" : "before")} the record {record}");
        };
        _host.Allocator.AsksKubelet = null; // SteppedKubelet says what its pods have when it is told to
        _host.Desired.Restore();
    }

    /// <summary>The admin's word arrives.</summary>
    public void Desire(string yaml)
    {
        if (Host.Desired.Offer("desired.yaml", yaml))
            Host.Agent.DesiredChanged();
        Assert.Null(Host.Desired.Problem);
    }

    /// <summary>It will be killed at that moment from now on, counted from 1.</summary>
    public void KillAt(long moment) => _killAt = Moments + moment;

    /// <summary>While true it is not killed at a moment, but at the first one after.</summary>
    public bool Shielded { get; set; }

    /// <summary>kill -9 in the middle of what it does now.</summary>
    public void Die(string when)
    {
        LastMoment = when;
        IsKilled = true;
        ThrowIfKilled();
    }

    /// <summary>One round of the agent's loop. False when it was killed in it.</summary>
    public bool Reconcile() => Alive(() => Host.Agent.ReconcileAsync(CancellationToken.None));

    /// <summary>Does something of the agent's that may be its last. False when it was.</summary>
    public bool Alive(Func<Task> work)
    {
        try
        {
            var task = work();
            task.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (IsKilled)
        {
            // It died in the middle.
        }
        finally
        {
            if (IsKilled)
                Bury();
        }

        return !IsKilled;
    }

    /// <summary>
    /// Rounds until one of them does nothing more, each some minutes after the one before, so that whatever failed is due again. False when
    /// it was killed.
    /// </summary>
    public bool Settle(int rounds = 12)
    {
        for (var i = 0; i < rounds; i++)
        {
            var before = Moments;
            if (!Reconcile())
                return false;
            if (Moments == before && i > 0)
                return true;
            clock.Advance(Setbacks.LongestRetry);
        }

        Assert.Fail($"after {rounds} rounds the agent still changes things, the last was {LastMoment}");
        return false;
    }

    /// <summary>kill -9, at rest.</summary>
    public void Kill()
    {
        IsKilled = true;
        Bury();
    }

    public void Dispose()
    {
        if (_host is not null)
            Kill();
    }

    private void Bury()
    {
        _host?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _host = null;
        _killAt = null;
    }

    private void Moment(string what)
    {
        ThrowIfKilled();
        LastMoment = what;
        Moments++;
        if (Shielded || Moments < (_killAt ?? long.MaxValue))
            return;
        IsKilled = true;
        ThrowIfKilled();
    }

    private void ThrowIfKilled()
    {
        if (IsKilled)
            throw new OperationCanceledException($"killed {LastMoment}");
    }

    private Errno Write(string path, string value, Func<Errno> write)
    {
        ThrowIfKilled();
        Writing.Before(path, value);
        var error = write();
        Writing.After(path, value);
        Moment($"after the write {path} <- {value.TrimEnd()}");
        return error;
    }

    /// <summary>The agent's own writes, and nobody else's.</summary>
    private sealed class SteppedCalls(IHostCalls kernel, SteppedAgent agent) : DecoratedCalls(kernel)
    {
        public override Errno WriteAttribute(string path, string value) => agent.Write(path, value, () => base.WriteAttribute(path, value));

        public override Errno WriteBelow(string directory, string file, string value) =>
            agent.Write($"{directory}/{file}", value, () => base.WriteBelow(directory, file, value));
    }

    /// <summary>Everything is done where it is asked for.</summary>
    private sealed class InPlace(SteppedAgent agent) : KernelThreads
    {
        public override void Start(string name, Action body)
        {
            agent.Waits++;
            body();
        }
    }
}
