using System.Collections.Immutable;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios.Sequences;

/// <summary>
/// One node's life by one seed: an admin, pods, hands and accidents in random order. The same seed does the same each time. After each step
/// everything that must never happen is looked for; at the end everybody lets go, and the node must come to rest and be given back as it
/// was.
/// </summary>
internal sealed class Sequence : IDisposable
{
    private static readonly ImmutableArray<Errno> s_errors =
    [
        Errno.EIO,
        Errno.EBUSY,
        Errno.ENODEV,
        Errno.EINVAL,
        Errno.EPERM,
        Errno.ENOMEM,
    ];

    /// <summary>Alone, held for another, one of many, what others hang on, and one that is not there.</summary>
    private static readonly ImmutableArray<string> s_cordonable =
    [
        "0000:43:00.0",
        "0000:43:00.1",
        "0000:44:00.0",
        "0000:45:00.0",
        "0000:81:00.0",
        "0000:81:10.2",
        "0000:99:00.0",
    ];

    private readonly string _directory = Directory
        .CreateDirectory(
            Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), "hostdev-sequence-" + Guid.NewGuid().ToString("N"))
        )
        .FullName;
    private readonly Random _random;
    private readonly SimulatedKernel _kernel;
    private readonly StillClock _clock = new();
    private readonly SteppedAgent _agent;
    private readonly SteppedKubelet _kubelet;
    private readonly Uses _uses;
    private readonly Residents _residents;
    private readonly Lent _lent;
    private readonly Hands _hands;
    private readonly UsbHands _usbHands;
    private readonly ScsiHands _scsiHands;
    private readonly Standing _standing;
    private readonly (int Weight, Action Do)[] _steps;
    private readonly bool _lends; // more of this life than of others is about what is lent
    private readonly SequencePolicy?[] _desired = new SequencePolicy?[SequencePolicy.Rows.Length];
    private readonly SortedSet<string> _cordoned = new(StringComparer.Ordinal);
    private readonly List<string> _story = [];
    private BrokenPromiseException? _broken;
    private bool _inRound;
    private bool _calm;
    private int _depth;

    public Sequence(int seed)
    {
        _random = new Random(seed);
        _lends = seed % 2 == 0;
        var lends = _lends ? 3 : 1;
        _kernel = new SimulatedKernel(SequenceMachine.For(seed));
        _agent = new SteppedAgent(new AgentMachine(_kernel.Paths, _kernel.Calls, _kernel.OpenUevents), _clock, _directory)
        {
            Writing = (BeforeWrite, (path, value) => _uses!.EndOverridden(path, value)),
            Recording = BeforeRecord,
        };
        _kubelet = new SteppedKubelet(_agent, _clock)
        {
            WhileAnswering = WhileAnswering,
            Answered = (offered, answer) => Guard(() => CheckAnswer(offered, answer)),
        };
        var lendables = new Lendables(_kernel);
        _uses = new Uses(_kernel, lendables);
        _lent = new Lent(_kernel, _uses, lendables, _kubelet, _random, Tell);
        _residents = new Residents(_kernel, _uses, _lent, _kubelet, _random, Tell);
        _standing = new Standing(_kernel, _agent, _uses);
        _hands = new Hands(_kernel, _uses, _random, Tell) { Happened = _standing.HasReason };
        _usbHands = new UsbHands(_kernel, _uses, lendables, _random, Tell);
        _scsiHands = new ScsiHands(_kernel, _uses, lendables, _random, Tell);
        _steps =
        [
            (20, Desire),
            (5, Cordon),
            (18, _residents.Admit),
            (8, _residents.DeletePod),
            (4, _residents.RestartContainer),
            (3, _residents.ForceDeletePod),
            (5, _residents.Hold),
            (9, _residents.LetGo),
            (4, _residents.Mount),
            (3, _residents.AddAddress),
            (3, _residents.MoveAway),
            (10, _hands.Write),
            (6, _hands.Rebind),
            (6, _hands.Rename),
            (5, _hands.MakeMdevs),
            (3, _hands.Unplug),
            (5, _hands.Plug),
            (5 * lends, _usbHands.Move),
            (2 * lends, _usbHands.Write),
            (4 * lends, _scsiHands.Move),
            (2 * lends, _lent.Mount),
            (2 * lends, _lent.Open),
            (4, RestartAgent),
            (6, KillSoon),
            (3, RestartKubelet),
            (8, Fault),
            (12, LetTimePass),
        ];
    }

    /// <summary>What happened, a line each; what the agent wrote stands below what made it do so.</summary>
    public IEnumerable<string> Story => _story;

    /// <exception cref="BrokenPromiseException">Something happened that must never happen.</exception>
    public void Run()
    {
        StartAgent();
        Desire();
        for (var step = 0; step < 18; step++)
            Step();
        _calm = true;
        new SequenceEnd(_kernel, _agent, _kubelet, _uses, _hands, _usbHands, _scsiHands, _lent, _clock, Tell).Check(
            EndUse,
            StartAgent,
            CheckAll
        );
    }

    public void Dispose()
    {
        _agent.Dispose();
        _kernel.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private void Step()
    {
        var choice = _random.Next(_steps.Sum(s => s.Weight));
        var chosen = _steps.First(s => (choice -= s.Weight) < 0);
        chosen.Do();
        _clock.Advance(TimeSpan.FromSeconds(1));
        if (!_agent.IsRunning && _random.Next(2) == 0)
            StartAgent();
        // Not always: the loop may be busy elsewhere, an event may be late or lost.
        if (_random.Next(4) > 0)
            Round();
        CheckAll();
    }

    /// <summary>What the agent's tasks do when they are woken: pod-resources, a round of the loop, the lists.</summary>
    private void Round()
    {
        if (!_agent.IsRunning)
            return;
        if (_random.Next(2) == 0)
            _kubelet.ReportPods();
        _inRound = true;
        var alive = _agent.Reconcile();
        _inRound = false;
        if (alive)
        {
            _uses.RoundDone();
            _standing.Look();
        }
        else
        {
            BuryAgent();
        }

        _kubelet.SendLists();
    }

    private void Desire()
    {
        var before = _desired.ToArray();
        if (_story.Count == 0 || _random.Next(3) == 0)
            Array.Clear(_desired);
        var changes = _random.Next(1, 5);
        for (var i = 0; i < changes; i++)
        {
            var row = _random.Next(_lends && _random.Next(2) == 0 ? SequencePolicy.FirstLent : 0, _desired.Length);
            var alternatives = SequencePolicy.Rows[row];
            _desired[row] = _random.Next(5) == 0 ? null : alternatives[_random.Next(alternatives.Length)];
        }

        for (var row = 0; row < _desired.Length; row++)
        {
            if (_desired[row]?.Label != before[row]?.Label)
                _standing.HasReason(SequencePolicy.Buses[row]);
        }

        var chosen = _desired.OfType<SequencePolicy>().ToList();
        Tell($"desire {(chosen.Count == 0 ? "nothing" : string.Join(", ", chosen.Select(p => p.Label)))}");
        if (!_agent.IsRunning)
            StartAgent();
        _uses.Allowed = [.. chosen.SelectMany(p => p.Allowed)];
        Follow(chosen);
    }

    private void Follow(List<SequencePolicy> chosen) =>
        _agent.Desire(
            (chosen.Count == 0 ? Desired.Nothing : Desired.Policies([.. chosen.Select(p => p.Yaml)]))
                + (
                    _cordoned.Count == 0
                        ? ""
                        : $"cordons: [{string.Join(", ", _cordoned.Select(c => $"{{device: \"{c}\", reason: r}}"))}]\n"
                )
        );

    /// <summary>No reason for any write: what policies have in force stays as it is.</summary>
    private void Cordon()
    {
        var device = s_cordonable[_random.Next(s_cordonable.Length)];
        if (!_cordoned.Remove(device))
            _cordoned.Add(device);
        Tell($"{(_cordoned.Contains(device) ? "cordon" : "uncordon")} {device}");
        if (!_agent.IsRunning)
            StartAgent();
        Follow([.. _desired.OfType<SequencePolicy>()]);
    }

    private void EndUse()
    {
        _residents.EndAll();
        if (_cordoned.Count == 0)
            return;
        _cordoned.Clear();
        Tell("uncordon all");
        if (!_agent.IsRunning)
            StartAgent();
        Follow([.. _desired.OfType<SequencePolicy>()]);
    }

    private void CheckAnswer(ImmutableArray<Unit> offered, AllocateOutcome.Granted answer)
    {
        if (offered.FirstOrDefault(u => u.CordonedByAdmin is not null) is { } cordoned)
            throw new BrokenPromiseException($"{cordoned.Id} is given to a pod, though {cordoned.CordonedByAdmin}");
        _lent.CheckAnswer(offered, answer);
    }

    private void StartAgent()
    {
        if (_agent.IsRunning)
            return;
        Tell("the agent starts");
        _agent.Start();
    }

    private void RestartAgent()
    {
        if (!_agent.IsRunning)
            return;
        Tell("the agent is killed at rest");
        _agent.Kill();
        _kubelet.AgentGone();
    }

    private void KillSoon()
    {
        if (!_agent.IsRunning)
            return;
        var moment = _random.Next(1, 14);
        Tell($"the agent is killed at its {moment}. moment from here");
        _agent.KillAt(moment);
    }

    private void RestartKubelet()
    {
        Tell("the kubelet restarts");
        _kubelet.Restart();
    }

    private void Fault()
    {
        var (nth, error) = (_random.Next(1, 7), s_errors[_random.Next(s_errors.Length)]);
        Tell($"{error} at write {nth} from here");
        _kernel.Faults.FailWrite(nth, error);
    }

    private void LetTimePass()
    {
        var seconds = _random.Next(1, 100);
        Tell($"{seconds} s pass");
        _clock.Advance(TimeSpan.FromSeconds(seconds));
        _kubelet.ReportPods();
        Round();
    }

    private void BuryAgent()
    {
        Tell($"the agent died {_agent.LastMoment}");
        _kubelet.AgentGone();
    }

    /// <summary>
    /// The agent's proof is in its hand and its write on its way: who tries to slip in now must not get what it disturbs.
    /// </summary>
    private void BeforeWrite(string path, string value) =>
        Guard(() =>
        {
            _story.Add($"    {path} <- {value.TrimEnd()}");
            var (critical, target) = (Path.GetFileName(path) is "unbind" or "sriov_numvfs", value.Trim());
            if (_depth == 0 && !_calm && _random.Next(critical ? 3 : 12) == 0)
                Nested(() => _residents.SlipIn(critical ? path : null, target));
            _uses.CheckWrite(path, value);
            if (!_calm)
                _standing.CheckWrite(path, value);
            if (_kernel.BlockedWrites is [var blocked, ..])
                throw new BrokenPromiseException($"a write to {blocked} blocks in the kernel");
        });

    /// <summary>
    /// Something is lent to a pod at this moment: whoever plugs, mounts or opens now must not make the pod have another device, or one that
    /// is used.
    /// </summary>
    private void BeforeRecord(JournalRecord record)
    {
        if (_depth > 0 || _calm || record is not (JournalRecord.RecordLoan or JournalRecord.RecordNode) || _random.Next(2) == 0)
            return;
        Action[] moves = [_usbHands.Move, _scsiHands.Move];
        // What opens the node when its owner is set already cannot be met: a node of these is nobody's alone.
        Action[] deeds = record is JournalRecord.RecordLoan ? [.. moves, _lent.Mount, _lent.Open] : moves;
        Nested(deeds[_random.Next(deeds.Length)]);
    }

    /// <summary>The kubelet waits for an answer: the world does not.</summary>
    private void WhileAnswering(bool noted)
    {
        if (_depth > 0 || _inRound)
            return;
        if (_random.Next(4) == 0)
            Nested(() => LetListsExpire(noted));
        // What is offered was looked at before: it may be another one by now, in the same socket or at the same address.
        if (_lends && _random.Next(5) == 0)
            Nested(_random.Next(3) > 0 ? _usbHands.Move : _scsiHands.Move);
        if (_random.Next(30) == 0)
            _agent.Die("while it answered");
    }

    /// <summary>
    /// So much happens that an ID which nobody wants any more would be gone; but not so much that an answer which was noted down should
    /// have shown as a pod.
    /// </summary>
    private void LetListsExpire(bool noted)
    {
        if (_random.Next(2) == 0)
            Desire();
        for (var i = 0; i < 3; i++)
        {
            Round();
            _clock.Advance(noted ? TimeSpan.FromSeconds(15) : TimeSpan.FromSeconds(70));
            _kubelet.ReportPods();
            _kubelet.SendLists();
        }
    }

    private void Nested(Action action)
    {
        _depth++;
        (var shielded, _agent.Shielded) = (_agent.Shielded, true);
        Guard(action);
        _agent.Shielded = shielded;
        _depth--;
    }

    /// <summary>Keeps the first broken promise: on its way it may pass code that catches everything.</summary>
    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (BrokenPromiseException e)
        {
            _broken ??= e;
            throw;
        }
    }

    private void CheckAll()
    {
        if (_broken is not null)
            throw _broken;
        _uses.Check();
        _kubelet.Check();
    }

    private void Tell(string what) => _story.Add($"{new string(' ', 4 * _depth)}{what}");
}
